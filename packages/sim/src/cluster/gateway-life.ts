import { AgentStore } from '../agent-store.ts';
import { AgentProcess, HubProcess, type Surroundings as SyncSurroundings } from '../processes.ts';
import type { Surroundings } from './broker.ts';
import { ClusterGatewayPort } from './gateway.ts';

/** One gateway with a stream for each partition: the real sync sessions and links, towards whichever broker it comes to. */
export class SimGateway {
  readonly agent: AgentProcess;
  readonly #around: Surroundings;
  readonly #partitions: readonly string[];
  readonly #prng: Surroundings['prng'];
  #isStopped = false;

  constructor(partitions: readonly string[], around: Surroundings, delayMsMax: number) {
    this.#around = around;
    this.#partitions = partitions;
    this.#prng = around.prng.fork();
    const { scheduler, history, trace } = around;
    const prng = this.#prng;
    const surroundings: SyncSurroundings = {
      scheduler,
      prng,
      network: { delayMsMax, noticeMsMax: prng.pick([0, 2_000]) },
      creditBytes: prng.pick([4, 64]) * 1024,
      maxFrameBytes: 4 * 1024,
      trace: (who, what, fields) => trace(who, what, fields as object | undefined),
    };
    const hubs = around.brokers.map((broker) => {
      const port = new ClusterGatewayPort(broker, around);
      const hub = new HubProcess(port, surroundings, (action) => broker.run(action));
      hub.kill();
      broker.companions.push({ started: () => hub.start(), killed: () => hub.kill() });
      return hub;
    });
    const partitionOf = (logId: string) => partitions[Number(logId.split('-').at(-1))]!;
    const store = new AgentStore(
      {
        ...{ clock: scheduler, prng: prng.fork(), gateway: 'gw', topics: partitions },
        ...{ flushMsMax: prng.pick([0, 50]), keepAcked: prng.pick([0, 5]) },
      },
      {
        acknowledged: () => {},
        durable: (logId, _base, records) => history.promised(partitionOf(logId), records),
        diverged: ({ producerId }, reason) => history.violated(`run ${producerId} diverged: ${reason}`),
        refused: ({ producerId }, code) => history.violated(`run ${producerId} was refused: ${code}`),
        gapDeclared: (gap) => history.violated(`a gap was declared: ${JSON.stringify(gap)}`),
      },
    );
    this.agent = new AgentProcess('gateway', store, () => prng.pick(hubs), surroundings);
  }

  start(nextRecord: () => number, gapMsMax: number): void {
    if (this.#isStopped) return;
    if (this.agent.up) {
      const records = Array.from({ length: this.#prng.between(1, 3) }, nextRecord);
      const stream = this.#prng.between(0, this.#partitions.length - 1);
      void this.agent.store.ingest(stream, records).then(() => this.agent.notify());
    }
    this.#around.scheduler.after(this.#prng.between(0, gapMsMax), () => this.start(nextRecord, gapMsMax));
  }

  /** One last connection compares what both sides have. */
  stop(): void {
    this.#isStopped = true;
    if (!this.agent.up) this.agent.start();
    this.agent.wire?.break();
  }

  kill(forMs: number): void {
    if (!this.agent.up) return;
    this.agent.kill();
    this.#around.scheduler.after(forMs, () => {
      if (!this.agent.up) this.agent.start();
    });
  }

  get isDrained(): boolean {
    return this.agent.atRest && this.agent.store.stored().every(({ drained }) => drained);
  }
}
