import { settle } from '@edgelog/cluster/election.ts';
import type { BrokerRecord, DirectoryRecord } from '@edgelog/cluster/records.ts';
import type { BrokerProcess } from './process.ts';
import { CONTROLLER, directoryKey, partitionKey } from './view.ts';

/** The controller's part of a broker's process: campaigns, and while it is elected brings every partition to rest. */
export class Controller {
  readonly #process: BrokerProcess;
  readonly #inFlight = new Set<string>();

  constructor(process: BrokerProcess) {
    this.#process = process;
  }

  act(): void {
    const { view, broker, epoch, lease } = this.#process;
    if (epoch === undefined || lease === undefined) return;
    const held = view.entry(CONTROLLER);
    if (held === undefined) {
      this.#swap(CONTROLLER, {
        when: [{ key: CONTROLLER, modified: 0 }],
        put: [{ key: CONTROLLER, value: { id: broker.id, epoch }, lease }],
      });
    } else if (held.lease === lease) this.#reconcile(held.createRevision);
  }

  #reconcile(term: number): void {
    const { view, around } = this.#process;
    const mine = { key: CONTROLLER, created: term };
    const partitions = view.partitions();
    for (const { name, record, revision } of partitions) {
      const next = settle(record, view.states);
      if (next === record) continue;
      const key = partitionKey(name);
      around.trace(this.#process.broker.name, 'settles', { name, from: record, to: next });
      this.#swap(key, { when: [mine, { key, modified: revision }], put: [{ key, value: next }] });
    }
    for (const { id } of around.brokers) {
      const entry = view.entry(`/brokers/${id}`);
      if (entry === undefined || !view.states(id).lostData) continue;
      const { mark } = entry.value as BrokerRecord;
      // Nobody counts on what the old disk had any more: so the new one may come in.
      if (partitions.some(({ record }) => record.isr.includes(id) || record.elr.includes(id))) continue;
      const key = directoryKey(id);
      this.#swap(key, {
        when: [mine, { key: entry.key, created: entry.createRevision }],
        put: [{ key, value: { mark, accepted: mark } satisfies DirectoryRecord }],
      });
    }
  }

  #swap(what: string, txn: Parameters<BrokerProcess['txn']>[0]): void {
    if (this.#inFlight.has(what)) return;
    this.#inFlight.add(what);
    this.#process.txn(txn, () => this.#inFlight.delete(what));
  }
}
