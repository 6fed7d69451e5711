import type { LogStore } from '@edgelog/log';
import type { Alarms } from './alarms.ts';
import type { Disk } from './disk.ts';
import type { EdgeStream } from './edge-stream.ts';
import type { TopicPolicies } from './topic-policy.ts';
import type { EdgeUplinkStream } from './uplink-stream.ts';

/** What was given up of a stream before any hub had it, since the start. */
export interface Dropped {
  records: number;
  bytes: number;
  /** Offsets from the first to one past the last of them, those that a hub had between them included. */
  from: number;
  to: number;
}

export interface RoomStream {
  readonly edge: EdgeStream;
  readonly uplink: EdgeUplinkStream;
}

export interface RoomOptions {
  store: LogStore;
  disk: Pick<Disk, 'lackBytes' | 'segmentBytes'>;
  policies: TopicPolicies;
  alarms: Alarms;
}

/** Segments are cleaned of dead data when it is this share of them: what a topic that rejects holds of a segment must not pin all of it. */
const CLEAN_DEAD_SHARE = 0.25;

/**
 * Makes room, a step per call: first the replay windows go, then, oldest segment first, what topics that allow it have there; where they have
 * nothing but in the segment that is written, what is there. A segment in which nothing lives is unlinked, what else lives is copied. What of it no hub had is counted here, and declared as a gap when the hub says what it holds.
 */
export class RoomMaker {
  readonly #options: RoomOptions;
  readonly #dropped = new Map<string, Dropped>();
  #isAtWork = false;
  #isCleaning = false;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  droppedOf(topic: string): Dropped | undefined {
    return this.#dropped.get(topic);
  }

  /** Each step is on disk before the next one is decided: only then can be seen what it has freed. */
  makeRoom(streams: readonly RoomStream[]): void {
    if (this.#isAtWork) return;
    const { store } = this.#options;
    const deadBytes = deadOf(store);
    for (const { uplink } of streams) uplink.releaseReplay();
    if (deadOf(store) === deadBytes) this.#dropOldest(streams);
    this.#isAtWork = true;
    const done = (): void => {
      this.#isAtWork = false;
    };
    store.flushed().then(done, done);
    this.#clean();
  }

  /** What of the oldest segment belongs to topics that allow it. */
  #dropOldest(streams: readonly RoomStream[]): void {
    const { policies } = this.#options;
    const dropping = streams.filter(({ edge }) => policies.of(edge.topic).whenFull === 'drop-oldest');
    const held = dropping.flatMap((stream) => {
      const range = stream.edge.log.oldestSegment;
      return range === undefined ? [] : [{ stream, ...range }];
    });
    if (held.length === 0) this.#dropWritten(dropping);
    const oldest = Math.min(...held.map(({ segment }) => segment));
    for (const { stream, segment, endOffset } of held) if (segment === oldest) this.#drop(stream, endOffset);
  }

  /** Only when these topics are refused too, and are taken again for it: of a segment that is cleaned for less nothing is freed. */
  #dropWritten(streams: readonly RoomStream[]): void {
    const { lackBytes, segmentBytes } = this.#options.disk;
    if (lackBytes === 0) return;
    const bytes = streams.reduce((sum, { edge: { log } }) => sum + log.sizeBytesFrom(log.logStartOffset), 0);
    if (bytes < Math.max(lackBytes, CLEAN_DEAD_SHARE * segmentBytes)) return;
    for (const stream of streams) this.#drop(stream, stream.edge.log.flushedEndOffset);
  }

  #drop({ edge, uplink }: RoomStream, to: number): void {
    const { topic, log } = edge;
    const from = Math.max(uplink.ackedOffset, log.logStartOffset);
    if (from < to) {
      const known = this.#dropped.get(topic);
      const total = {
        records: (known?.records ?? 0) + to - from,
        bytes: (known?.bytes ?? 0) + log.sizeBytesFrom(from) - log.sizeBytesFrom(to),
        from: known?.from ?? from,
        to,
      };
      this.#dropped.set(topic, total);
      this.#options.alarms.raise(
        `dropped ${topic}`,
        `stream ${topic}: the disk is full, so its oldest data is given up before any hub had it: ${total.records} records between offsets ${total.from} and ${to - 1}`,
        'events',
      );
    }
    uplink.dropTo(to);
  }

  #clean(): void {
    const { store } = this.#options;
    if (this.#isCleaning || deadOf(store) === 0) return;
    this.#isCleaning = true;
    const done = (): void => {
      this.#isCleaning = false;
    };
    store.clean({ deadShare: CLEAN_DEAD_SHARE }).then(done, done);
  }
}

function deadOf(store: LogStore): number {
  return store.stats().deadBytes;
}
