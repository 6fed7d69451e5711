import { type BrokerRecord, type DirectoryRecord, isIntact } from '@edgelog/cluster/records.ts';
import type { SimBroker, Surroundings } from './broker.ts';
import { Controller } from './controller.ts';
import type { Txn, TxnAnswer } from './kv.ts';
import { Replica } from './replica.ts';
import { brokerKey, directoryKey, View } from './view.ts';

const RETRY_MS = 300;
const MARK_MS = 1_000;
/** What a deadline is early by: clocks drift, timers are late. */
const LEASE_MARGIN = 0.8;

/** One life of a broker: registered under a lease, following the metadata, replica of some partitions. */
export class BrokerProcess {
  readonly broker: SimBroker;
  readonly around: Surroundings;
  readonly view: View;
  readonly controller: Controller;
  readonly #replicas = new Map<string, Replica>();
  #isAlive = true;
  #lease: number | undefined;
  #deadline = 0;
  #epoch: number | undefined;

  constructor(broker: SimBroker, around: Surroundings) {
    this.broker = broker;
    this.around = around;
    this.view = new View(around.bugs.has('trustAnyDisk'));
    this.controller = new Controller(this);
  }

  /** Its registration, as long as the lease surely lives. */
  get epoch(): number | undefined {
    const isSure = this.around.bugs.has('keepLeading') || this.broker.now() <= this.#deadline;
    return isSure ? this.#epoch : undefined;
  }

  get lease(): number | undefined {
    return this.#lease;
  }

  replica(partition: string): Replica | undefined {
    return this.#replicas.get(partition);
  }

  start(): void {
    this.#join();
    this.#watch();
    this.every(this.around.leaseMs / 4, () => this.#keepAlive());
    this.every(100, () => this.controller.act());
    this.every(MARK_MS, () => this.#markAnew());
  }

  end(): void {
    this.#isAlive = false;
    for (const replica of this.#replicas.values()) replica.end();
  }

  /** Runs it unless this life is over by then; a paused process later. */
  readonly soon = (action: () => void): void => this.broker.run(() => void (this.#isAlive && action()));

  after(ms: number, action: () => void): void {
    this.around.scheduler.after(ms, () => this.soon(action));
  }

  every(ms: number, action: () => void): void {
    this.after(ms, () => {
      action();
      if (this.#isAlive) this.every(ms, action);
    });
  }

  txn(txn: Txn, answer: (answer: TxnAnswer) => void): void {
    this.around.kv.txn(this.broker, txn, (result) => this.soon(() => answer(result)));
  }

  reload(then: () => void): void {
    this.around.kv.range(this.broker, (snapshot) =>
      this.soon(() => {
        if (snapshot === undefined) return this.after(RETRY_MS, () => this.reload(then));
        this.view.reset(snapshot.entries, snapshot.revision);
        then();
        this.#onView();
      }),
    );
  }

  #join(): void {
    this.#epoch = undefined;
    const sentAt = this.broker.now();
    this.around.kv.grant(this.broker, this.around.leaseMs, (lease) =>
      this.soon(() => {
        if (lease === undefined) return this.after(RETRY_MS, () => this.#join());
        this.#lease = lease;
        this.#deadline = sentAt + this.around.leaseMs * LEASE_MARGIN;
        this.reload(() => this.#register(lease));
      }),
    );
  }

  #register(lease: number): void {
    if (this.#lease !== lease) return;
    const { broker } = this;
    const { id } = broker;
    const again = (): void => this.after(RETRY_MS, () => this.reload(() => this.#register(lease)));
    const own = this.view.entry(brokerKey(id));
    if (own?.lease === lease) {
      this.#epoch = own.createRevision;
      this.around.trace(this.broker.name, 'registered', { epoch: this.#epoch });
      this.#onView();
      return;
    }
    if (own !== undefined) {
      const remove = { when: [{ key: own.key, modified: own.modRevision }], remove: [own.key] };
      this.txn(remove, again);
      return;
    }
    const known = this.view.entry(directoryKey(id));
    const directory = this.view.directory(id);
    const intact = isIntact(broker.marks, directory);
    const mark = broker.markAnew(intact ? directory?.mark : undefined);
    const record: BrokerRecord = {
      mark,
      kafka: this.broker.name,
      sync: '',
      http: '',
      rack: null,
      draining: false,
    };
    this.txn(
      {
        when: [
          { key: brokerKey(id), modified: 0 },
          { key: directoryKey(id), modified: known?.modRevision ?? 0 },
        ],
        put: [
          { key: brokerKey(id), value: record, lease },
          ...(intact
            ? [{ key: directoryKey(id), value: { mark, accepted: mark } satisfies DirectoryRecord }]
            : []),
        ],
      },
      again,
    );
  }

  #keepAlive(): void {
    const lease = this.#lease;
    if (lease === undefined) return;
    const sentAt = this.broker.now();
    if (sentAt > this.#deadline) {
      this.#leave();
      return;
    }
    this.around.kv.keepAlive(this.broker, lease, (alive) =>
      this.soon(() => {
        if (this.#lease !== lease) return;
        if (alive === false) this.#leave();
        else if (alive === true)
          this.#deadline = Math.max(this.#deadline, sentAt + this.around.leaseMs * LEASE_MARGIN);
      }),
    );
  }

  /** What is confirmed from now on is on no copy of the disk that was taken before. */
  #markAnew(): void {
    const { broker, view, epoch } = this;
    const key = directoryKey(broker.id);
    const known = view.directory(broker.id);
    if (epoch === undefined || known === undefined || view.states(broker.id).lostData) return;
    if (!broker.marks.includes(known.mark)) return;
    const { modRevision } = view.entry(key)!;
    const mark = broker.markAnew(known.mark);
    this.txn(
      {
        when: [
          { key: brokerKey(broker.id), created: epoch },
          { key, modified: modRevision },
        ],
        put: [{ key, value: { ...known, mark } satisfies DirectoryRecord }],
      },
      () => {},
    );
  }

  #leave(): void {
    this.around.trace(this.broker.name, 'lost its lease');
    this.#lease = undefined;
    if (!this.around.bugs.has('keepLeading')) {
      for (const replica of this.#replicas.values()) replica.stepDown();
    }
    this.#join();
  }

  #watch(): void {
    const { kv } = this.around;
    kv.watch(this.broker, this.view.revision, (events) =>
      this.soon(() => {
        if (events !== undefined) {
          this.view.apply(events);
          this.#onView();
        }
        this.#watch();
      }),
    );
  }

  #onView(): void {
    for (const { name, record, revision } of this.view.partitions()) {
      if (!record.replicas.includes(this.broker.id)) {
        this.#replicas.get(name)?.leave();
        continue;
      }
      let replica = this.#replicas.get(name);
      if (replica === undefined) {
        replica = new Replica(this, name);
        this.#replicas.set(name, replica);
      }
      replica.onRecord(record, revision);
    }
  }
}
