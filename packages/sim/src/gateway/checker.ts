import { FLOOR_HELD_MS_MAX, PENDING_BYTES_MAX, type Stream, type TopicPolicies } from '@edgelog/edge';
import type { DivergenceReason, Gap, RunInfo } from '@edgelog/sync';
import type { WhatHappened } from '../checker.ts';
import type { GatewayHubStore } from './hub.ts';
import type { GatewayProcess } from './process.ts';

interface OffsetRange {
  logId: string;
  from: number;
  to: number;
}

interface Damaged extends OffsetRange {
  /**
   * An earlier process may have sent it: its CRC is known to nobody here any more, so that the hub's position, should it end
   * there, cannot be told from that of a double.
   */
  isUnknown: boolean;
}

export interface Promised {
  topic: string;
  logId: string;
  offset: number;
  takenAt: number;
}

interface Seen {
  life: unknown;
  logStart: number;
  acked: number;
}

const VIOLATIONS_KEPT = 20;
/** How far a trusted clock may be off: half the longest way to the hub and back that a time is taken from. */
const CLOCK_ERROR_MS_MAX = 15_000 + 1_000;

/** What must hold of a gateway and what its hub has, numbered G1 … in the README. A violation is a sentence. */
export class GatewayChecker {
  readonly violations: string[] = [];
  readonly #hub: GatewayHubStore;
  readonly #happened: WhatHappened;
  readonly #policies: TopicPolicies;
  readonly #promised = new Map<number, Promised>();
  readonly #seen = new Map<string, Seen>();
  readonly #ackedCrcs = new Map<number, number>();
  /** Records dropped by the gateway's own count, by topic; of the lives that are over, and of this one. */
  readonly #droppedBefore = new Map<string, number>();
  readonly #droppedNow = new Map<string, number>();
  readonly #damaged: Damaged[] = [];
  /** What may be at the hub under two runs: it could not be compared. */
  readonly #resent: OffsetRange[] = [];
  acknowledgements = 0;
  divergences = 0;

  constructor(hub: GatewayHubStore, policies: TopicPolicies, happened: WhatHappened) {
    this.#hub = hub;
    this.#policies = policies;
    this.#happened = happened;
  }

  get promisedCount(): number {
    return this.#promised.size;
  }

  promise(record: number, promised: Promised): void {
    this.#promised.set(record, promised);
  }

  /** The gateway's disk is an older copy now: what was promised since is the operator's loss. */
  rolledBack(ends: ReadonlyMap<string, number>): void {
    for (const [record, { topic, offset }] of this.#promised)
      if (offset >= (ends.get(topic) ?? 0)) this.#promised.delete(record);
    this.#seen.clear();
  }

  diverged(run: RunInfo, reason: DivergenceReason): void {
    this.divergences++;
    const position = this.#hub.run(run.producerId)?.position;
    const { logId, firstOffset: from } = run;
    if (reason === 'crc-mismatch' && position !== undefined && this.#isUnknown({ logId, to: position.next }))
      this.#resent.push({ logId, from, to: position.next });
    else if (!this.#happened.mayDiverge)
      this.violated(`${reason} reported for run ${run.producerId} of ${run.topic}, yet no disk was touched`);
  }

  /** A process takes up the disk: what was put alongside the newest reading is there exactly with it. */
  started(process: GatewayProcess, isExact: boolean): void {
    for (const [topic, count] of this.#droppedNow)
      this.#droppedBefore.set(topic, (this.#droppedBefore.get(topic) ?? 0) + count);
    this.#droppedNow.clear();
    for (const { edge, state } of process.core!.streams.list()) {
      const mark = process.volume.live.values.get(`mark/${state.topic}`);
      const marked = mark === undefined ? -1 : Number(mark.toString());
      if (marked >= edge.endOffset || (isExact && marked !== edge.endOffset - 1))
        this.violated(
          `G9 ${state.topic} ends at ${edge.endOffset}, what was put alongside says ${marked + 1}`,
        );
    }
    for (const one of this.#damaged) this.#noteWhetherKnown(one, process);
  }

  /** Bits rotted in a batch, which a hub may have got before. */
  damaged(range: OffsetRange, process: GatewayProcess): void {
    const damaged = { ...range, isUnknown: false };
    this.#damaged.push(damaged);
    this.#noteWhetherKnown(damaged, process);
  }

  #noteWhetherKnown(damaged: Damaged, process: GatewayProcess): void {
    const { logId, to } = damaged;
    const stream = [...(process.core?.streams.list() ?? [])].find(({ state }) => state.logId === logId);
    damaged.isUnknown ||= (stream?.state.runs ?? []).some(
      ({ producerId, acked }) => to > (acked?.next ?? 0) && process.wasSentBefore(producerId, to),
    );
  }

  #isUnknown({ logId, to }: Omit<OffsetRange, 'from'>): boolean {
    return this.#damaged.some((one) => one.isUnknown && one.logId === logId && one.to === to);
  }

  #mayBeThereTwice(logId: string, offset: number): boolean {
    return this.#resent.some((one) => one.logId === logId && one.from <= offset && offset < one.to);
  }

  /** Whenever something may have moved. */
  look(process: GatewayProcess, maxDiskBytes: number): void {
    const { streams, disk } = process.core!;
    const { pendingBytes } = streams.pressure;
    if (pendingBytes > PENDING_BYTES_MAX) this.violated(`G8 ${pendingBytes} bytes are pending`);
    const { usedBytes } = disk.status();
    if (usedBytes > maxDiskBytes) this.violated(`G8 ${usedBytes} bytes used, the budget is ${maxDiskBytes}`);
    for (const stream of streams.list()) this.#lookAt(stream, process);
  }

  #lookAt({ uplink, state }: Stream, process: GatewayProcess): void {
    const { topic } = state;
    const life = process.core!.streams;
    const { logStartOffset: logStart, ackedOffset: acked } = uplink;
    const dropped = life.droppedOf(topic);
    if (dropped !== undefined) this.#droppedNow.set(topic, dropped.records);
    const before = this.#seen.get(topic);
    if (before?.life === life) {
      if (logStart < before.logStart)
        this.violated(`G6 ${topic}: the log start went back from ${before.logStart} to ${logStart}`);
      if (acked < before.acked && !this.#happened.mayDiverge)
        this.violated(`G6 ${topic}: the position went back from ${before.acked} to ${acked}`);
    }
    this.#seen.set(topic, { life, logStart, acked });
    if (logStart > acked && this.#policies.of(topic).whenFull === 'reject')
      this.violated(`G1 ${topic}: freed up to ${logStart}, the hub has ${acked}`);
    for (const { producerId, acked: position } of state.runs) {
      if (position === null || this.#ackedCrcs.get(producerId) === position.crc) continue;
      this.#ackedCrcs.set(producerId, position.crc);
      this.acknowledgements++;
      if (!this.#hub.everCommitted.has(`${producerId}:${position.next}:${position.crc}`))
        this.violated(`G2 ${topic}: acknowledged ${position.next} of run ${producerId}, never committed`);
    }
  }

  /** When all is quiet: `ends` has one past the last offset of each log. */
  finish(ends: ReadonlyMap<string, { topic: string; endOffset: number }>): void {
    const held = this.#checkRuns();
    this.#checkRecords(held);
    this.#checkGaps(held);
    if (this.#happened.timelinesFork) return;
    for (const [logId, { topic, endOffset }] of ends) {
      this.#checkCoverage(topic, logId, endOffset, held.get(logId) ?? new Map());
      this.#checkTimes(topic, held.get(logId) ?? new Map(), endOffset);
    }
    this.#checkDropped();
  }

  /** G3: each run is contiguous; a topic without lanes is in order over its runs. Answers what is where, by log. */
  #checkRuns(): Map<string, Map<number, number>> {
    const ends = new Map<number, number>();
    const newest = new Map<string, number>();
    const held = new Map<string, Map<number, number>>();
    for (const { producerId, base, next, records } of this.#hub.batches) {
      const { logId, topic, firstOffset } = this.#hub.run(producerId)!.info;
      const expected = ends.get(producerId) ?? firstOffset;
      if (base !== expected)
        this.violated(`G3 run ${producerId} has a batch at ${base}, ${expected} is next`);
      ends.set(producerId, next);
      const isOrdered =
        this.#policies.of(topic).lane === 'in-order' &&
        !this.#happened.mayDiverge &&
        !this.#mayBeThereTwice(logId, base);
      if (isOrdered && base < (newest.get(logId) ?? 0))
        this.violated(`G3 ${topic} is in order, but ${base} came after ${newest.get(logId)}`);
      newest.set(logId, next);
      const log = held.get(logId) ?? new Map<number, number>();
      held.set(logId, log);
      records.forEach((record, index) => {
        const mayBe = this.#happened.timelinesFork || this.#mayBeThereTwice(logId, base + index);
        if (log.has(base + index) && !mayBe)
          this.violated(`G4 ${topic}: offset ${base + index} is there twice`);
        log.set(base + index, record);
      });
    }
    return held;
  }

  /** G1: what was promised is there under its own offset, or declared. G4: nothing is there twice. G5: nothing changed. */
  #checkRecords(held: ReadonlyMap<string, ReadonlyMap<number, number>>): void {
    const times = new Map<number, number>();
    const mayBeTwice = new Set<number>();
    for (const { producerId, base, records } of this.#hub.batches)
      for (const [index, record] of records.entries()) {
        times.set(record, (times.get(record) ?? 0) + 1);
        if (this.#mayBeThereTwice(this.#hub.run(producerId)!.info.logId, base + index))
          mayBeTwice.add(record);
      }
    for (const [record, count] of times)
      if (count > 1 && !this.#happened.timelinesFork && !mayBeTwice.has(record))
        this.violated(`G4 record ${record} is there ${count} times`);
    for (const record of this.#hub.changed) this.violated(`G5 record ${record} came again with another time`);
    for (const [record, { topic, logId, offset, takenAt }] of this.#promised) {
      const came = times.has(record) ? this.#hub.came.get(record) : undefined;
      if (came === undefined) {
        const { timelinesFork, hubLostData } = this.#happened;
        // A double wrote its own under the very run that the hub had lost: its position says nothing of what it lost.
        const isOverwritten = timelinesFork && hubLostData && held.get(logId)?.get(offset) !== undefined;
        if (!isOverwritten && !this.#isDeclared(logId, offset))
          this.violated(`G1 record ${record} (${topic}, offset ${offset}) is lost without a word`);
        continue;
      }
      if (!this.#happened.timelinesFork && held.get(logId)?.get(offset) !== record)
        this.violated(`G3 record ${record} was promised as offset ${offset} of ${topic} and is not there`);
      const errorMs = came.timestampMs - takenAt;
      const isWrong = errorMs < -CLOCK_ERROR_MS_MAX || errorMs > FLOOR_HELD_MS_MAX + CLOCK_ERROR_MS_MAX;
      if (!came.isUntrusted && isWrong)
        this.violated(`G7 record ${record} is marked as trusted and is ${errorMs} ms off`);
    }
  }

  /** G10: gaps say why, and what is declared is not there. */
  #checkGaps(held: ReadonlyMap<string, ReadonlyMap<number, number>>): void {
    for (const gap of this.#hub.everRecorded) {
      const problem = this.#implausible(gap, held.get(gap.logId) ?? new Map());
      if (problem !== undefined)
        this.violated(`G10 gap ${gap.from} … ${gap.to} of ${gap.topic} (${gap.reason}): ${problem}`);
    }
  }

  #implausible(gap: Gap, held: ReadonlyMap<number, number>): string | undefined {
    const { timelinesFork, mayDiverge } = this.#happened;
    const { logId, topic, from, to, reason } = gap;
    if (from >= to) return 'it is empty';
    if (reason === 'dropped' && this.#policies.of(topic).whenFull === 'reject') return 'the topic rejects';
    const isUnknown = reason === 'diverged' && this.#resent.some((one) => overlap(one, gap));
    if ((reason === 'hub-lost-data' || reason === 'diverged') && !mayDiverge && !isUnknown)
      return 'no disk was touched';
    const around = this.#damaged.find((one) => one.logId === logId && one.from <= from && to <= one.to);
    if (reason === 'quarantined' && around === undefined) return 'nothing is damaged there';
    if (timelinesFork) return undefined;
    if (reason === 'refused' && this.#hub.poison.size === 0) return 'the hub refused nothing';
    if (reason === 'diverged' || (reason === 'quarantined' && around?.isUnknown)) return undefined;
    for (let offset = from; offset < to; offset++)
      if (held.has(offset) && !this.#mayBeThereTwice(logId, offset)) return `the hub has offset ${offset}`;
    return undefined;
  }

  /** G10: whatever the hub does not have is in a gap, and, where no hub lost anything, in one only. */
  #checkCoverage(topic: string, logId: string, endOffset: number, held: ReadonlyMap<number, number>): void {
    for (let offset = 0; offset < endOffset; offset++) {
      if (held.has(offset)) continue;
      const gaps = this.#hub.everRecorded.filter(
        (gap) => gap.logId === logId && gap.from <= offset && offset < gap.to,
      );
      const isRight = this.#happened.mayDiverge ? gaps.length > 0 : gaps.length === 1;
      if (!isRight) this.violated(`G10 ${topic}: offset ${offset} is not there and in ${gaps.length} gaps`);
    }
  }

  /** G7: time goes back only where a trusted clock contradicts what went before it, and by more than a minute. */
  #checkTimes(topic: string, held: ReadonlyMap<number, number>, endOffset: number): void {
    for (let offset = 1; offset < endOffset; offset++) {
      const [before, now] = [held.get(offset - 1), held.get(offset)];
      if (before === undefined || now === undefined) continue;
      const [a, b] = [this.#hub.came.get(before)!, this.#hub.came.get(now)!];
      const backMs = a.timestampMs - b.timestampMs;
      if (backMs > 0 && (b.isUntrusted || backMs <= FLOOR_HELD_MS_MAX))
        this.violated(`G7 ${topic}: time goes back by ${backMs} ms at offset ${offset}`);
    }
  }

  /** G10: what the gateway counted as dropped is at least what turned out to be missing. */
  #checkDropped(): void {
    const missing = new Map<string, number>();
    for (const { topic, from, to, reason } of this.#hub.everRecorded)
      if (reason === 'dropped') missing.set(topic, (missing.get(topic) ?? 0) + to - from);
    for (const [topic, count] of missing) {
      const counted = (this.#droppedBefore.get(topic) ?? 0) + (this.#droppedNow.get(topic) ?? 0);
      if (counted < count)
        this.violated(`G10 ${topic}: ${count} records are missing as dropped, counted were ${counted}`);
    }
  }

  #isDeclared(logId: string, offset: number): boolean {
    return this.#hub.everRecorded.some((gap) => gap.logId === logId && gap.from <= offset && offset < gap.to);
  }

  violated(what: string): void {
    if (this.violations.length < VIOLATIONS_KEPT) this.violations.push(what);
  }
}

const overlap = (a: OffsetRange, b: OffsetRange): boolean =>
  a.logId === b.logId && a.from < b.to && b.from < a.to;
