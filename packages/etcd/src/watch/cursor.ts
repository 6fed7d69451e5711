import type { KeyValue, WatchEvent, WatchMessage } from '../answers.ts';

/** One key changed. */
export type Change =
  | { readonly kind: 'put'; readonly key: string; readonly kv: KeyValue; readonly prev: KeyValue | undefined }
  | { readonly kind: 'delete'; readonly key: string; readonly prev: KeyValue | undefined };

/** Why a watch hands over the whole range instead of the changes. */
export type ResetCause =
  | 'start'
  | 'compacted' // etcd no longer has the changes that come next
  | 'restored'; // the store is older than what was seen: a backup was put back

export type WatchUpdate =
  /** The whole range at `revision`: it replaces all that was known. */
  | {
      readonly kind: 'reset';
      readonly cause: ResetCause;
      readonly revision: number;
      readonly kvs: readonly KeyValue[];
    }
  /** Everything that one revision changed in the range, in the order of the transaction. */
  | { readonly kind: 'changes'; readonly revision: number; readonly changes: readonly Change[] }
  /** Nothing more up to `revision`. */
  | { readonly kind: 'progress'; readonly revision: number };

/** What the shell does next: read the whole range, or open a stream at a revision. */
export type WatchStep =
  | { readonly kind: 'list'; readonly cause: ResetCause }
  | { readonly kind: 'open'; readonly startRevision: number };

/** What becomes of a stream after a message: read on; list anew; drop it, for its revisions are out of order. */
export type StreamFate = 'goOn' | 'list' | 'disorder';

/**
 * Where a watch stands: pure, so that every order of breaks, fragments, compactions and repeats can be tried.
 *
 * A stream is opened *at* the last revision known, not after it, and what is known is dropped. That costs a few
 * repeated bytes. etcd accepts a watch that begins at the compacted revision itself, but before 3.4.34 and 3.5.15 it has
 * by then forgotten the deletions of that revision and says nothing (etcd issue 18089); begun one revision
 * earlier the same watch is told that it was compacted.
 */
export class WatchCursor {
  /** All changes up to here were handed over. */
  #revision: number;
  #reset: ResetCause | undefined;
  /** Events of a revision whose end has not come yet (fragments). */
  #held: WatchEvent[] = [];
  /** The last revision that this stream spoke of. */
  #streamRevision = 0;

  /** `after`: changes up to this revision are known; undefined begins with the whole range. */
  constructor(after: number | undefined) {
    this.#revision = after ?? 0;
    this.#reset = after === undefined ? 'start' : undefined;
  }

  get revision(): number {
    return this.#revision;
  }

  /** For a new stream or list; forgets what an unfinished stream had begun to say. */
  next(): WatchStep {
    this.#held = [];
    this.#streamRevision = 0;
    if (this.#reset !== undefined) return { kind: 'list', cause: this.#reset };
    return { kind: 'open', startRevision: Math.max(1, this.#revision) };
  }

  /** The whole range, read at one revision. */
  listed(revision: number, kvs: readonly KeyValue[]): WatchUpdate {
    const cause = this.#reset ?? 'start';
    this.#revision = revision;
    this.#reset = undefined;
    return { kind: 'reset', cause, revision, kvs };
  }

  /**
   * A linearizable read, begun when the watch stood at `knownBefore`, answered `revision`; if that is less, history was
   * replaced. Answers whether to list anew.
   */
  observed(revision: number, knownBefore: number): boolean {
    if (revision >= knownBefore) return false;
    this.#reset = 'restored';
    return true;
  }

  /**
   * One message of the stream: the updates that are complete now, and what becomes of the stream. A cancellation without
   * a compacted revision is the shell's: it says nothing of the data.
   */
  received(message: WatchMessage): { updates: WatchUpdate[]; fate: StreamFate } {
    if (message.compact_revision > 0) {
      this.#reset = 'compacted';
      return { updates: [], fate: 'list' };
    }
    if (message.created) return { updates: [], fate: 'goOn' };
    if (message.events.length === 0 && !message.fragment && this.#held.length === 0)
      return { updates: this.#progress(message.header.revision), fate: 'goOn' };
    for (const event of message.events) {
      const { modRevision } = event.kv;
      if (modRevision < this.#streamRevision) return { updates: [], fate: 'disorder' };
      this.#streamRevision = modRevision;
      if (modRevision > this.#revision) this.#held.push(event);
    }
    return { updates: this.#release(message.fragment), fate: 'goOn' };
  }

  #progress(revision: number): WatchUpdate[] {
    if (revision <= this.#revision) return [];
    this.#revision = revision;
    return [{ kind: 'progress', revision }];
  }

  /** Whole revisions only: while fragments are to come, the newest revision may still grow. */
  #release(moreToCome: boolean): WatchUpdate[] {
    const updates: WatchUpdate[] = [];
    const newest = this.#held.at(-1)?.kv.modRevision;
    let begin = 0;
    for (let end = 1; end <= this.#held.length; end++) {
      const revision = this.#held[begin]!.kv.modRevision;
      if (this.#held[end]?.kv.modRevision === revision) continue;
      if (moreToCome && revision === newest) break;
      updates.push({ kind: 'changes', revision, changes: this.#held.slice(begin, end).map(changeOf) });
      this.#revision = revision;
      begin = end;
    }
    this.#held = this.#held.slice(begin);
    return updates;
  }
}

function changeOf(event: WatchEvent): Change {
  const { key } = event.kv;
  if (event.type === 'DELETE') return { kind: 'delete', key, prev: event.prev_kv };
  return { kind: 'put', key, kv: event.kv, prev: event.prev_kv };
}
