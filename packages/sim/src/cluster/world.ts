import { preferFirst, reassign } from '@edgelog/cluster/election.ts';
import type { BrokerRecord, DirectoryRecord, PartitionRecord } from '@edgelog/cluster/records.ts';
import { Prng } from '../prng.ts';
import { Scheduler } from '../scheduler.ts';
import { type Bug, SimBroker, type Surroundings } from './broker.ts';
import { SimConsumer, SimProducer } from './clients.ts';
import { SimGateway } from './gateway-life.ts';
import { History } from './history.ts';
import { SimKv } from './kv.ts';
import { SimNetwork } from './network.ts';
import { brokerKey, directoryKey, partitionKey, statesOf } from './view.ts';

export const CLUSTER_FAULTS = [
  'kill',
  'killAll',
  'pause',
  'cutBroker',
  'cutOneWay',
  'cutFromEtcd',
  'etcdQuorum',
  'slowDisk',
  'wipe',
  'oldDisk',
  'clockDrift',
  'reassign',
  'preferFirst',
  'drain',
  'killAgent',
  'breakAgent',
] as const;
export type ClusterFault = (typeof CLUSTER_FAULTS)[number];

const GATEWAY_FAULTS: ReadonlySet<ClusterFault> = new Set(['killAgent', 'breakAgent']);

export interface ClusterOptions {
  seed: number;
  /** Default: drawn from the seed. */
  faults?: readonly ClusterFault[];
  bugs?: readonly Bug[];
  trace?: (line: string) => void;
}

export interface ClusterOutcome {
  seed: number;
  faults: readonly ClusterFault[];
  violations: string[];
  acknowledgements: number;
  reads: number;
  leaderEpochs: number;
  events: number;
  virtualMs: number;
}

const SETTLE_MS = 5 * 60_000;
const SETTLE_STEP_MS = 2_000;
/** How old a copy of a disk is when it takes its place. */
const OLD_DISK_MS = 3_000;
const MIN_INSYNC = 2;
const REPLICAS = 3;
/** Of an operator, who is never cut off. */
const ADMIN = { reaches: () => true };

/** Three brokers or four, their etcd, producers and consumers, and a series of misfortunes from one seed. Then peace, and the reckoning. */
export function runCluster(options: ClusterOptions): Promise<ClusterOutcome> {
  return new ClusterWorld(options).live();
}

class ClusterWorld {
  readonly #options: ClusterOptions;
  readonly #prng: Prng;
  readonly #scheduler = new Scheduler();
  readonly #startMs = this.#scheduler.now();
  readonly #history = new History();
  readonly #faults: readonly ClusterFault[];
  readonly #partitions: string[];
  readonly #brokers: SimBroker[] = [];
  readonly #producers: SimProducer[] = [];
  readonly #consumers: SimConsumer[] = [];
  readonly #around: Surroundings;
  /** Only where something can befall it, or everything: it is half of the work. */
  readonly #gateway: SimGateway | undefined;
  #nextRecord = 0;
  #isPeace = false;
  /** One disk may be lost at a time, and only one in a world: with more, three replicas promise nothing. */
  #mayLoseDisk = true;
  /** By broker: whether it is to drain, as the operator said last. */
  readonly #draining = new Map<number, boolean>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    const prng = new Prng(options.seed);
    this.#prng = prng;
    this.#faults = options.faults ?? CLUSTER_FAULTS.filter(() => prng.chance(0.5));
    this.#partitions = ['a', 'b'].slice(0, prng.between(1, 2));
    const delayMsMax = prng.pick([1, 10, 100]);
    this.#around = {
      scheduler: this.#scheduler,
      prng,
      kv: new SimKv(this.#scheduler, prng.fork(), delayMsMax),
      network: new SimNetwork(this.#scheduler, prng.fork(), delayMsMax),
      history: this.#history,
      brokers: this.#brokers,
      bugs: new Set(options.bugs),
      leaseMs: prng.pick([1_000, 3_000]),
      lagMsMax: prng.pick([300, 1_000, 5_000]),
      flushMsMax: prng.pick([0, 5, 50]),
      trace: (who, what, fields) => this.#trace(who, what, fields),
    };
    const brokers = REPLICAS + (this.#faults.includes('reassign') ? 1 : 0);
    for (let id = 0; id < brokers; id++) this.#brokers.push(new SimBroker(id, this.#around));
    if (options.faults === undefined || options.faults.some((fault) => GATEWAY_FAULTS.has(fault)))
      this.#gateway = new SimGateway(this.#partitions, this.#around, delayMsMax);
  }

  async live(): Promise<ClusterOutcome> {
    const prng = this.#prng;
    const { seed } = this.#options;
    this.#trace('world', 'begins', { seed, faults: this.#faults });
    for (const broker of this.#brokers) broker.start();
    this.#createPartitions();
    for (const [index, partition] of this.#partitions.entries()) {
      for (let i = 0; i < 2; i++) {
        this.#producers.push(new SimProducer(index * 10 + i, partition, this.#around, prng.fork()));
      }
      this.#consumers.push(new SimConsumer(`consumer ${index}`, partition, this.#around, prng.fork()));
    }
    for (const producer of this.#producers) producer.start(() => this.#nextRecord++, prng.pick([20, 200]));
    for (const consumer of this.#consumers) consumer.start();
    this.#gateway?.start(() => this.#nextRecord++, prng.pick([50, 500]));
    const hardTimesMs = prng.between(10_000, 60_000);
    this.#strike(prng.fork(), prng.pick([500, 2_000, 8_000]));
    let events = await this.#scheduler.run(this.#startMs + 2_000 + hardTimesMs);
    this.#makePeace();
    for (const producer of this.#producers) producer.stop();
    this.#gateway?.stop();
    const end = this.#scheduler.now() + SETTLE_MS;
    while (
      this.#unsettled() !== undefined &&
      this.#scheduler.now() < end &&
      this.#history.violations.length === 0
    )
      events += await this.#scheduler.run(this.#scheduler.now() + SETTLE_STEP_MS);
    const unsettled = this.#unsettled();
    if (unsettled !== undefined)
      this.#history.violated(`${SETTLE_MS / 60_000} minutes after the last fault: ${unsettled}`);
    for (const partition of this.#partitions) {
      const replicas = this.#replicasOf(partition).map((broker) => ({
        broker: broker.name,
        batches: broker.log(partition).batches,
      }));
      this.#history.finish(partition, replicas);
    }
    const { violations, acknowledgements, reads } = this.#history;
    for (const violation of violations) this.#trace('checker', violation);
    return {
      seed,
      faults: this.#faults,
      violations,
      acknowledgements,
      reads,
      leaderEpochs: this.#records().reduce((sum, { leaderEpoch }) => sum + leaderEpoch, 0),
      events,
      virtualMs: this.#scheduler.now() - this.#startMs,
    };
  }

  #createPartitions(): void {
    for (const [index, name] of this.#partitions.entries()) {
      const replicas = this.#brokers.slice(0, REPLICAS).map(({ id }) => (id + index) % REPLICAS);
      const value: PartitionRecord = {
        ...{ replicas, isr: replicas, elr: [], leader: -1, leaderEpoch: 0, leaderBrokerEpoch: -1 },
        ...{ minInsync: MIN_INSYNC, adding: [], removing: [] },
      };
      const create = (): void => {
        // Once all are there: a replica whose broker was never registered counts as gone.
        if (this.#around.kv.peek('/brokers/').length < this.#brokers.length) {
          this.#scheduler.after(100, create);
          return;
        }
        const key = partitionKey(name);
        this.#around.kv.txn(ADMIN, { when: [{ key, modified: 0 }], put: [{ key, value }] }, () => {});
      };
      create();
    }
  }

  #strike(prng: Prng, gapMsMax: number): void {
    if (this.#faults.length === 0) return;
    const next = (): void => {
      this.#scheduler.after(prng.between(gapMsMax / 4, gapMsMax), () => {
        if (this.#isPeace) return;
        this.#befall(prng.pick(this.#faults), prng);
        next();
      });
    };
    this.#scheduler.after(2_000, next);
  }

  #befall(fault: ClusterFault, prng: Prng): void {
    const broker = prng.pick(this.#brokers);
    const duration = prng.pick([50, 500, 3_000, 10_000]);
    this.#trace('fault', fault, { broker: broker.name, duration });
    const { network, kv } = this.#around;
    const heal = (undo: () => void): void =>
      this.#scheduler.after(duration, () => {
        this.#trace('fault', `${fault} ends`, { broker: broker.name });
        undo();
      });
    switch (fault) {
      case 'killAgent': {
        this.#gateway?.kill(duration);
        return;
      }
      case 'breakAgent': {
        this.#gateway?.agent.wire?.break(prng.pick(['agent', 'hub', undefined]));
        return;
      }
      case 'kill':
        broker.kill();
        {
          heal(() => broker.start());
          return;
        }
      case 'killAll':
        for (const one of this.#brokers) one.kill();
        {
          heal(() => {
            for (const one of this.#brokers) one.start();
          });
          return;
        }
      case 'pause': {
        broker.pause(duration);
        return;
      }
      case 'cutBroker':
        for (const other of this.#brokers) {
          network.cut(broker.name, other.name);
          network.cut(other.name, broker.name);
        }
        network.cut(broker.name, 'etcd');
        {
          heal(() => network.heal());
          return;
        }
      case 'cutOneWay':
        network.cut(broker.name, prng.pick(this.#brokers).name);
        {
          heal(() => network.heal());
          return;
        }
      case 'cutFromEtcd':
        network.cut(broker.name, 'etcd');
        {
          heal(() => network.heal());
          return;
        }
      case 'etcdQuorum':
        kv.quorum = false;
        {
          heal(() => {
            kv.quorum = true;
          });
          return;
        }
      case 'slowDisk':
        broker.slowDisk = 40;
        {
          heal(() => {
            broker.slowDisk = 1;
          });
          return;
        }
      case 'clockDrift':
        broker.clockRate = prng.pick([0.9, 1.1]);
        {
          heal(() => {
            broker.clockRate = 1;
          });
          return;
        }
      case 'reassign': {
        const target = this.#brokers.map(({ id }) => id).sort(() => (prng.chance(0.5) ? 1 : -1));
        this.#change(prng.pick(this.#partitions), (record) => reassign(record, target.slice(0, REPLICAS)));
        return;
      }
      case 'preferFirst': {
        const states = statesOf(kv.peek('/brokers/'), kv.peek('/directories/'));
        this.#change(prng.pick(this.#partitions), (record) => preferFirst(record, states));
        return;
      }
      case 'drain': {
        this.#drain(broker, true);
        heal(() => this.#drain(broker, false));
        return;
      }
      case 'wipe':
      case 'oldDisk': {
        this.#loseDisk(broker, fault, heal);
        return;
      }
    }
  }

  /** As an operator's command does it: swaps the record for what is made of it. */
  #change(partition: string, change: (record: PartitionRecord) => PartitionRecord): void {
    const key = partitionKey(partition);
    const [entry] = this.#around.kv.peek(key);
    if (entry === undefined) return;
    const value = change(entry.value as PartitionRecord);
    this.#trace('operator', 'changes', { partition, to: value });
    this.#around.kv.txn(
      ADMIN,
      { when: [{ key, modified: entry.modRevision }], put: [{ key, value }] },
      () => {},
    );
  }

  /** Until it is done, or something else is wanted by then: an earlier wish that is still on its way may come in between. */
  #drain(broker: SimBroker, draining: boolean): void {
    this.#draining.set(broker.id, draining);
    const key = brokerKey(broker.id);
    const ask = (): void => {
      const [entry] = this.#around.kv.peek(key);
      if (entry?.lease === undefined || this.#draining.get(broker.id) !== draining) return;
      const value: BrokerRecord = { ...(entry.value as BrokerRecord), draining };
      const put = [{ key, value, lease: entry.lease }];
      const when = [{ key, modified: entry.modRevision }];
      this.#around.kv.txn(ADMIN, { when, put }, ({ kind }) => {
        this.#trace('operator', draining ? 'drains' : 'ends a drain', { broker: broker.name, kind });
        if (kind !== 'done') ask();
      });
    };
    ask();
  }

  #replicasOf(partition: string): SimBroker[] {
    const [entry] = this.#around.kv.peek(partitionKey(partition));
    const { replicas } = entry!.value as PartitionRecord;
    return replicas.map((id) => this.#brokers[id]!);
  }

  #loseDisk(broker: SimBroker, fault: 'wipe' | 'oldDisk', heal: (undo: () => void) => void): void {
    if (!this.#mayLoseDisk) return;
    this.#mayLoseDisk = false;
    const { marks } = broker;
    const restore = broker.backup();
    this.#scheduler.after(fault === 'wipe' ? 0 : OLD_DISK_MS, () => {
      if (fault === 'oldDisk' && !this.#isOutdated(broker, marks)) return;
      broker.kill();
      if (fault === 'wipe') broker.wipe();
      else restore();
      heal(() => broker.start());
    });
  }

  /** A copy that was made since the last mark cannot be told from the disk it was taken of. */
  #isOutdated(broker: SimBroker, marks: readonly string[]): boolean {
    const [entry] = this.#around.kv.peek(directoryKey(broker.id));
    return entry !== undefined && !marks.includes((entry.value as DirectoryRecord).mark);
  }

  #makePeace(): void {
    this.#isPeace = true;
    this.#trace('world', 'peace');
    this.#around.network.heal();
    this.#around.kv.quorum = true;
    for (const broker of this.#brokers) {
      broker.slowDisk = 1;
      broker.clockRate = 1;
      this.#drain(broker, false);
      broker.pause(0);
      broker.start();
    }
  }

  #records(): PartitionRecord[] {
    return this.#around.kv.peek('/topics/').map(({ value }) => value as PartitionRecord);
  }

  /** What is not as it has to be in peace. */
  #unsettled(): string | undefined {
    const records = this.#records();
    if (records.length < this.#partitions.length) return 'a partition is not there';
    const lacking = records.find(({ isr, replicas }) => isr.length < REPLICAS || replicas.length > REPLICAS);
    if (lacking !== undefined)
      return `the ISR of ${lacking.replicas.join()} is ${lacking.isr.join()}, the ELR ${lacking.elr.join()}`;
    if (this.#producers.some(({ idle }) => !idle)) return 'a producer has no acknowledgement';
    if (this.#gateway?.isDrained === false) return 'the gateway is not drained';
    for (const [index, partition] of this.#partitions.entries()) {
      const ends = this.#replicasOf(partition).map((broker) => broker.log(partition).logEndOffset);
      if (new Set(ends).size > 1) return `the logs of ${partition} end at ${ends.join()}`;
      const { offset } = this.#consumers[index]!;
      if (offset !== ends[0]) return `the consumer of ${partition} is at ${offset} of ${ends[0]}`;
    }
    return undefined;
  }

  #trace(who: string, what: string, fields: object = {}): void {
    if (this.#options.trace === undefined) return;
    const at = ((this.#scheduler.now() - this.#startMs) / 1000).toFixed(3).padStart(9);
    this.#options.trace(`${at} ${who.padEnd(10)} ${what} ${JSON.stringify(fields)}`);
  }
}
