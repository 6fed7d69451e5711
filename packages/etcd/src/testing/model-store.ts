import { type WatchMessage, watchLine } from '../answers.ts';
import { stateAt } from './history.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** etcd's revisions of one range as a model, with the habits of 3.4 that a watch must survive. */
export class ModelStore {
  readonly history = new Map<number, Map<string, string | undefined>>();
  revision = 1;
  compacted = 0;

  /** One revision; changes outside the range leave no trace but its number. */
  write(changes: ReadonlyMap<string, string | undefined>): void {
    this.revision += 1;
    const state = stateAt(this.history, this.revision);
    const real = [...changes].filter(([key, value]) => value !== undefined || state.has(key));
    if (real.length > 0) this.history.set(this.revision, new Map(real));
  }

  compact(revision: number): void {
    this.compacted = Math.max(this.compacted, Math.min(revision, this.revision));
  }

  list(): { revision: number; kvs: WatchMessage['events'][number]['kv'][] } {
    const kvs = [...stateAt(this.history, this.revision)].map(
      ([key, value]) => message({ events: [{ kv: kvFields(key, value, this.revision) }] }).events[0]!.kv,
    );
    return { revision: this.revision, kvs };
  }

  /**
   * What a stream opened at `startRevision` says about now: batches of revisions, cut into fragments of `fragmentEvents`.
   * Deletions at the compacted revision are forgotten (etcd issue 18089).
   */
  stream(startRevision: number, batchRevisions: number, fragmentEvents: number): WatchMessage[] {
    const messages = [message({ created: true, header: { revision: String(this.revision) } })];
    if (startRevision < this.compacted)
      return [...messages, message({ canceled: true, compact_revision: String(this.compacted) })];
    const revisions = [...this.history.keys()].filter((revision) => revision >= startRevision);
    for (let at = 0; at < revisions.length; at += batchRevisions) {
      const events = revisions.slice(at, at + batchRevisions).flatMap((revision) => this.#events(revision));
      for (let from = 0; from < events.length; from += fragmentEvents) {
        const fragment = from + fragmentEvents < events.length;
        messages.push(message({ fragment, events: events.slice(from, from + fragmentEvents) }));
      }
    }
    return [...messages, message({ header: { revision: String(this.revision) } })];
  }

  #events(revision: number): object[] {
    return [...this.history.get(revision)!].flatMap(([key, value]) => {
      if (value !== undefined) return [{ kv: kvFields(key, value, revision) }];
      if (revision === this.compacted) return [];
      return [{ type: 'DELETE', kv: { key: base64(key), mod_revision: String(revision) } }];
    });
  }
}

function kvFields(key: string, value: string, revision: number): object {
  return { key: base64(key), value: base64(value), mod_revision: String(revision) };
}

function message(fields: object): WatchMessage {
  return watchLine.parse({ result: { header: {}, ...fields } }).result;
}
