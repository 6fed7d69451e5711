import { assert } from '@edgelog/base';
import { NO_LEADER, type PartitionRecord } from '@edgelog/cluster/records.ts';
import type { Gap, HubAppend, HubPort, Position, Refusal, RunInfo } from '@edgelog/sync';
import { readBatchHeader } from '@edgelog/wire';
import { recordsIn } from '../batch.ts';
import type { SimBroker, Surroundings } from './broker.ts';
import type { Replica, RunAnswer } from './replica.ts';
import { partitionKey } from './view.ts';

const FORWARD_TIMEOUT_MS = 2_000;
const NOT_AVAILABLE: Refusal = { ok: false, code: 'not-available', message: 'no answer of the leader' };

type Done = Extract<RunAnswer, { kind: 'done' }>;
type Ask = (replica: Replica, answer: (answer: RunAnswer) => void) => void;

/** A run opened here, and to whom it goes. */
interface OpenRun {
  readonly info: RunInfo;
  readonly leader: number;
  readonly opening: number;
}

/** A broker as gateways see it: it leads the partition, or forwards to the broker that does. Topics have one partition here. */
export class ClusterGatewayPort implements HubPort {
  readonly hubId = 'cluster-sim';
  readonly #broker: SimBroker;
  readonly #around: Surroundings;
  readonly #runs = new Map<number, OpenRun>();

  constructor(broker: SimBroker, around: Surroundings) {
    this.#broker = broker;
    this.#around = around;
  }

  async openRun(_gateway: string, info: RunInfo): ReturnType<HubPort['openRun']> {
    const known = this.#broker.process?.view.entry(partitionKey(info.topic))?.value as
      | PartitionRecord
      | undefined;
    const leader = known?.leader ?? NO_LEADER;
    const opened = await this.#call(leader, info, (replica, answer) =>
      replica.openRun(info.producerId, answer),
    );
    if ('ok' in opened) return opened;
    this.#runs.set(info.producerId, { info, leader, opening: opened.opening });
    return { ok: true, partition: 0, position: opened.position };
  }

  append(producerId: number, bytes: Buffer): HubAppend {
    const run = this.#runs.get(producerId);
    assert(run !== undefined, `run ${producerId} was opened`);
    const { info, leader, opening } = run;
    const { baseOffset, crc } = readBatchHeader(bytes);
    const batch = { run: info, opening, baseOffset, crc, records: recordsIn(bytes) };
    const committed = this.#call(leader, info, (replica, answer) => replica.appendRun(batch, answer));
    return { ok: true, committed: committed.then((one) => ('ok' in one ? one : positionIn(one))) };
  }

  async recordGap(_gateway: string, gap: Gap): Promise<void> {
    this.#around.history.violated(`a gap ${JSON.stringify(gap)} is declared, yet nothing was lost`);
  }

  /** A new process. */
  crash(): void {
    this.#runs.clear();
  }

  #call(leader: number, { topic }: RunInfo, ask: Ask): Promise<Done | Refusal> {
    const { network, brokers } = this.#around;
    return new Promise((resolve) => {
      const settle = (answer: RunAnswer | undefined): void => {
        if (answer?.kind === 'done') resolve(answer);
        else if (answer?.kind === 'out-of-order')
          resolve({ ok: false, code: 'out-of-order', message: 'out of order' });
        else resolve(NOT_AVAILABLE);
      };
      if (leader === NO_LEADER) return settle(undefined);
      const target = brokers[leader]!;
      const work = (answer: (answer: RunAnswer) => void): void => {
        const replica = target.process?.replica(topic);
        if (replica === undefined) answer({ kind: 'retry' });
        else ask(replica, answer);
      };
      if (target === this.#broker) work(settle);
      else network.request<RunAnswer>(this.#broker, target, work, settle, FORWARD_TIMEOUT_MS, 'in order');
    });
  }
}

function positionIn({ position }: Done): Position {
  assert(position !== undefined, 'an append has a position');
  return position;
}
