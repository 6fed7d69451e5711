import { Column } from './column.ts';
import { readLabel, Stream } from './stream.ts';

export type ViolationKind =
  | 'lost'
  | 'duplicate'
  | 'inconsistent'
  | 'hole'
  | 'order'
  | 'skipped'
  | 'went back'
  | 'stranger'
  | 'refused'
  | 'diverged'
  | 'unavailable';

export interface Violation {
  readonly kind: ViolationKind;
  readonly text: string;
  /** Milliseconds since the run began. */
  readonly atMs: number;
  readonly partition?: string;
  readonly offset?: number;
}

/** One reader's way through one partition, from where it began or was sent to. */
export interface Reading {
  readonly reader: string;
  readonly partition: string;
  /** The offset that must come next; undefined before the first. */
  next: number | undefined;
  /** Of a member of a group: how far the group has come. */
  readonly group?: { next: number };
}

/** The end of a partition, as a broker told it to whom asked at a time. */
export interface ToldEnd {
  readonly leaderEpoch: number;
  readonly offset: number;
  readonly askedAtMs: number;
}

/** Which record is at an offset: stream and number in one number. */
const NUMBERS = 2 ** 32;

interface Partition {
  readonly name: string;
  readonly placed: Column;
  readonly firstReadAt: Column;
  readonly firstReader: string[];
  /** Ends as they were told, each with when the answer came. */
  readonly told: { leaderEpoch: number; offset: number; answeredAtMs: number }[];
}

/** Told ends that a later one is compared with; more of them were answered too long ago to be overtaken. */
const TOLD_MAX = 64;

/**
 * Everything that clients were told, compared as it comes: what one read must be what another reads, what was acknowledged must be
 * there at the end, once, in the order in which it was sent.
 */
export class History {
  readonly violations: Violation[] = [];
  readonly #streams: Stream[] = [];
  readonly #byName = new Map<string, number>();
  readonly #partitions = new Map<string, Partition>();
  readonly #groups = new Map<string, { next: number }>();
  readonly #nowMs: () => number;
  readonly #onViolation: (violation: Violation) => void;

  constructor(nowMs: () => number, onViolation: (violation: Violation) => void = () => {}) {
    this.#nowMs = nowMs;
    this.#onViolation = onViolation;
  }

  get counts(): { streams: number; acknowledged: number; stored: number } {
    let [acknowledged, stored] = [0, 0];
    for (const stream of this.#streams) {
      for (let n = 0; n < stream.ackedAt.length; n++) if (stream.ackedAt.get(n) !== undefined) acknowledged++;
    }
    for (const { placed } of this.#partitions.values()) stored += placed.length;
    return { streams: this.#streams.length, acknowledged, stored };
  }

  /** A new stream. Names are used once. */
  stream(name: string, { neverGivesUp }: { neverGivesUp: boolean }): Stream {
    const stream = new Stream(name, neverGivesUp);
    this.#byName.set(name, this.#streams.length);
    this.#streams.push(stream);
    return stream;
  }

  /** `offset` undefined: the producer was not told, or the broker no longer knew. */
  acknowledged(stream: Stream, n: number, partition: string | undefined, offset: number | undefined): void {
    if (n >= stream.sent) this.violation('stranger', `${stream.name}:${n} was acknowledged and never sent`);
    stream.ackedAt.set(n, this.#nowMs());
    stream.ackedOffset.set(n, offset ?? -1);
    if (partition !== undefined) this.#bind(stream, partition);
    if (partition === undefined || offset === undefined) return;
    const there = this.#at(partition, offset);
    if (there !== undefined && there !== `${stream.name}:${n}`)
      this.violation('inconsistent', `${stream.name}:${n} was acknowledged where ${there} was read`, {
        partition,
        offset,
      });
  }

  /** Of a member of `group`, which begins where the group has come to; otherwise from the start. */
  reading(reader: string, partition: string, group?: string): Reading {
    if (group === undefined) return { reader, partition, next: 0 };
    const key = `${group} ${partition}`;
    const progress = this.#groups.get(key) ?? { next: 0 };
    this.#groups.set(key, progress);
    return { reader, partition, next: undefined, group: progress };
  }

  /** One past the last offset that a member of the group has read. */
  groupPosition(group: string, partition: string): number {
    return this.#groups.get(`${group} ${partition}`)?.next ?? 0;
  }

  read(reading: Reading, offset: number, value: Buffer | string): void {
    const { reader, partition, group } = reading;
    const at = { partition, offset };
    if (reading.next !== undefined && offset !== reading.next)
      this.violation('skipped', `${reader} read offset ${offset} after ${reading.next - 1}`, at);
    if (group !== undefined) {
      if (offset > group.next)
        this.violation(
          'skipped',
          `${reader}: the group had come to ${group.next} and went on at ${offset}`,
          at,
        );
      group.next = Math.max(group.next, offset + 1);
    }
    reading.next = offset + 1;
    this.#place(reader, partition, offset, value);
  }

  /** Ends told within one leader epoch, or in a later one, never go back; an earlier leader may not know better. */
  toldEnd(partition: string, { leaderEpoch, offset, askedAtMs }: ToldEnd): void {
    const { told } = this.#partition(partition);
    for (const before of told) {
      if (before.answeredAtMs > askedAtMs || before.leaderEpoch > leaderEpoch) continue;
      if (before.offset > offset)
        this.violation(
          'went back',
          `the end was ${before.offset} in epoch ${before.leaderEpoch}, then ${offset} in epoch ${leaderEpoch}`,
          { partition, offset },
        );
    }
    told.push({ leaderEpoch, offset, answeredAtMs: this.#nowMs() });
    if (told.length > TOLD_MAX) told.shift();
  }

  violation(kind: ViolationKind, text: string, at: { partition?: string; offset?: number } = {}): void {
    const violation: Violation = { kind, text, atMs: this.#nowMs(), ...at };
    this.violations.push(violation);
    this.#onViolation(violation);
  }

  /** After everything was read for the last time, nobody writing: `ends` is where each partition ended. */
  finish(ends: ReadonlyMap<string, number>): void {
    for (const [name, end] of ends) this.#finishPartition(this.#partition(name), end);
    for (const stream of this.#streams) this.#finishStream(stream);
  }

  /** What is known of the offsets around one, for people. */
  around(partition: string, offset: number, each = 5): string[] {
    const count = 2 * each + 1;
    const from = Math.max(0, offset - each);
    return Array.from({ length: count }, (_, i) => this.#describe(this.#partition(partition), from + i));
  }

  /** All that is known of every offset, for people. */
  *everything(): Iterable<string> {
    for (const partition of this.#partitions.values())
      for (let offset = 0; offset < partition.placed.length; offset++)
        yield this.#describe(partition, offset);
  }

  #describe({ name, placed, firstReadAt, firstReader }: Partition, offset: number): string {
    const packed = placed.get(offset);
    if (packed === undefined) return `${name} ${offset}: never read`;
    const stream = this.#streams[Math.floor(packed / NUMBERS)]!;
    const n = packed % NUMBERS;
    const acked = stream.ackedAt.get(n);
    const ack = acked === undefined ? 'not acknowledged' : `acknowledged at ${seconds(acked)}`;
    const read = `first read at ${seconds(firstReadAt.get(offset) ?? 0)} by ${firstReader[offset]}`;
    return `${name} ${offset}: ${stream.name}:${n}, ${ack}, ${read}`;
  }

  #place(reader: string, partitionName: string, offset: number, value: Buffer | string): void {
    const at = { partition: partitionName, offset };
    const label = readLabel(value);
    const index = label && this.#byName.get(label.stream);
    if (label === undefined || index === undefined || label.n >= this.#streams[index]!.sent) {
      this.violation('stranger', `${reader} read what nobody sent: ${String(value).slice(0, 80)}`, at);
      return;
    }
    const stream = this.#streams[index]!;
    const partition = this.#partition(partitionName);
    const packed = index * NUMBERS + label.n;
    const before = partition.placed.get(offset);
    if (before === undefined) {
      partition.placed.set(offset, packed);
      partition.firstReadAt.set(offset, this.#nowMs());
      partition.firstReader[offset] = reader;
    } else if (before !== packed) {
      const what = `${reader} read ${stream.name}:${label.n} where ${this.#at(partitionName, offset)} was read`;
      this.violation('inconsistent', what, at);
      return;
    }
    this.#bind(stream, partitionName);
    const elsewhere = stream.offset.get(label.n);
    if (elsewhere === undefined) stream.offset.set(label.n, offset);
    else if (elsewhere !== offset && before === undefined)
      this.violation('duplicate', `${stream.name}:${label.n} at offsets ${elsewhere} and ${offset}`, at);
  }

  #finishPartition({ name, placed }: Partition, end: number): void {
    if (placed.length > end)
      this.violation('lost', `read up to offset ${placed.length - 1}, ended at ${end}`, {
        partition: name,
        offset: end,
      });
    const latest = new Map<Stream, number>();
    for (let offset = 0; offset < end; offset++) {
      const at = { partition: name, offset };
      const packed = placed.get(offset);
      if (packed === undefined) {
        this.violation('hole', `nothing at offset ${offset} of ${end}`, at);
        continue;
      }
      const stream = this.#streams[Math.floor(packed / NUMBERS)]!;
      const n = packed % NUMBERS;
      const previous = latest.get(stream) ?? -1;
      if (n < previous)
        this.violation('order', `${stream.name}:${n} comes after ${stream.name}:${previous}`, at);
      else if (n > previous + 1 && stream.neverGivesUp)
        this.violation('lost', `${stream.name}:${previous + 1} is missing before ${stream.name}:${n}`, at);
      latest.set(stream, Math.max(n, previous));
    }
  }

  #finishStream(stream: Stream): void {
    for (let n = 0; n < stream.ackedAt.length; n++) {
      const ackedAt = stream.ackedAt.get(n);
      if (ackedAt === undefined) continue;
      const told = stream.ackedOffset.get(n)!;
      const found = stream.offset.get(n);
      const where = { ...(stream.partition && { partition: stream.partition }) };
      if (found === undefined) {
        const at = told < 0 ? '' : ` for offset ${told}`;
        this.violation('lost', `${stream.name}:${n} was acknowledged at ${seconds(ackedAt)}${at}`, {
          ...where,
          ...(told >= 0 && { offset: told }),
        });
      } else if (told >= 0 && told !== found)
        this.violation(
          'inconsistent',
          `${stream.name}:${n} was acknowledged for offset ${told}, is at ${found}`,
          {
            ...where,
            offset: found,
          },
        );
    }
  }

  #bind(stream: Stream, partition: string): void {
    if (stream.partition === undefined) stream.partition = partition;
    else if (stream.partition !== partition)
      this.violation('inconsistent', `${stream.name} is in ${stream.partition} and in ${partition}`, {
        partition,
      });
  }

  #at(partition: string, offset: number): string | undefined {
    const packed = this.#partition(partition).placed.get(offset);
    return packed === undefined
      ? undefined
      : `${this.#streams[Math.floor(packed / NUMBERS)]!.name}:${packed % NUMBERS}`;
  }

  #partition(name: string): Partition {
    let partition = this.#partitions.get(name);
    if (partition === undefined) {
      partition = { name, placed: new Column(), firstReadAt: new Column(), firstReader: [], told: [] };
      this.#partitions.set(name, partition);
    }
    return partition;
  }
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
