import type { Gap, NewRunReason, Position, RunInfo } from '@edgelog/sync';
import type { AgentStore } from './agent-store.ts';
import type { HubStore } from './hub-store.ts';

export interface WhatHappened {
  /** The gateway's disk went back in time, or has a double: a record may then arrive under two runs. */
  timelinesFork: boolean;
  /** Something made a divergence legitimate. */
  mayDiverge: boolean;
  /** The hub's disk was emptied, or went back in time. */
  hubLostData: boolean;
}

const VIOLATIONS_KEPT = 20;

/** What must hold in every world. A violation is a sentence; the first one is kept. */
export class Checker {
  readonly #hub: HubStore;
  readonly #happened: WhatHappened;
  /** Records that the gateway promised, by number. */
  readonly #promised = new Map<number, { logId: string; offset: number }>();
  readonly #gaps: Gap[] = [];
  readonly violations: string[] = [];
  acknowledgements = 0;
  divergences = 0;

  constructor(hub: HubStore, happened: WhatHappened) {
    this.#hub = hub;
    this.#happened = happened;
  }

  get promised(): number {
    return this.#promised.size;
  }

  get gaps(): number {
    return this.#gaps.length;
  }

  durable(logId: string, baseOffset: number, records: readonly number[]): void {
    records.forEach((record, index) => {
      this.#promised.set(record, { logId, offset: baseOffset + index });
    });
  }

  /** The gateway's disk is an older copy now: what was promised since is the operator's loss. */
  rolledBack(store: AgentStore): void {
    const ends = new Map(store.stored().map(({ logId, endOffset }) => [logId, endOffset]));
    for (const [record, { logId, offset }] of this.#promised) {
      if (offset >= (ends.get(logId) ?? 0)) this.#promised.delete(record);
    }
  }

  /** C1: what is acknowledged was committed, with these very bytes. */
  acknowledged(run: RunInfo, { next, crc }: Position): void {
    this.acknowledgements++;
    if (!this.#hub.everCommitted.has(`${run.producerId}:${next}:${crc}`)) {
      this.#violated(`acknowledged ${next} (crc ${crc}) of run ${run.producerId}, which was never committed`);
    }
  }

  /** C2: nobody diverges unless something happened to a disk. */
  diverged(run: RunInfo, reason: NewRunReason): void {
    if (reason === 'dropped') return;
    this.divergences++;
    if (!this.#happened.mayDiverge) {
      this.#violated(`${reason} reported for run ${run.producerId}, yet no disk was touched`);
    }
  }

  /** C3: what is declared lost at the hub is not there. */
  gapDeclared(gap: Gap): void {
    this.#gaps.push(gap);
    if (gap.reason === 'diverged' || this.#happened.timelinesFork) return;
    const there = this.#hub.batches.find(
      ({ producerId, base, next }) =>
        this.#hub.run(producerId)?.info.logId === gap.logId && base < gap.to && next > gap.from,
    );
    if (there !== undefined) {
      this.#violated(`gap ${gap.from}…${gap.to} declared, but the hub holds ${there.base}…${there.next}`);
    }
  }

  /** When all is quiet. */
  finish(): void {
    this.#checkRuns();
    this.#checkRecords();
  }

  /** C4: each run is contiguous from its first offset, in order. */
  #checkRuns(): void {
    const ends = new Map<number, number>();
    for (const { producerId, base, next } of this.#hub.batches) {
      const expected = ends.get(producerId) ?? this.#hub.run(producerId)?.info.firstOffset;
      if (base !== expected) {
        this.#violated(`run ${producerId} has a batch at ${base} where ${expected} is next`);
      }
      ends.set(producerId, next);
    }
  }

  /** C5: every promised record is at the hub once, or inside a declared gap. C6: none is there twice. */
  #checkRecords(): void {
    const times = new Map<number, number>();
    for (const { records } of this.#hub.batches) {
      for (const record of records) times.set(record, (times.get(record) ?? 0) + 1);
    }
    for (const [record, count] of times) {
      if (count > 1 && !this.#happened.timelinesFork)
        this.#violated(`record ${record} is there ${count} times`);
    }
    for (const [record, { logId, offset }] of this.#promised) {
      if (times.has(record)) continue;
      const declared = this.#gaps.some((gap) => gap.logId === logId && gap.from <= offset && offset < gap.to);
      if (!declared) this.#violated(`record ${record} (${logId}, offset ${offset}) is lost without a word`);
    }
  }

  #violated(what: string): void {
    if (this.violations.length < VIOLATIONS_KEPT) this.violations.push(what);
  }
}
