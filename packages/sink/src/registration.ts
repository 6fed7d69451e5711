import { type Position, partitionFor, type Refusal, type RunInfo, refuse, takenBy } from '@edgelog/sync';
import type { Place, SinkCluster, SinkTopic } from './cluster.ts';
import type { Known } from './positions.ts';
import type { PositionsTopic } from './positions-topic.ts';
import { type OpeningRecord, type PositionRecord, sharesOf } from './records.ts';

/** A run that is opened here, by the positions topic, which says so. */
export interface Registration {
  readonly record: OpeningRecord;
  readonly place: Place;
  /** When the cluster took the opening, by its own clock. */
  readonly appendedAt: number | undefined;
  /** Monotonic, before it was written. */
  readonly writtenAt: number;
  /** The opening before this one; undefined: the run is new here. */
  readonly previous: Known<OpeningRecord> | undefined;
  /** What was written last of where the run stands, perhaps in a life of the topic that is over. */
  readonly position: Known<PositionRecord> | undefined;
}

export interface RegistrationDeps {
  readonly cluster: SinkCluster;
  readonly positions: PositionsTopic;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** Another one at each call. */
  readonly draw: () => string;
}

/** What an opening is asked for with. */
export interface Asked {
  readonly gateway: string;
  readonly info: RunInfo;
  /** What the gateway says was acknowledged. */
  readonly acked: Position | undefined;
  /** Instance of the agent. */
  readonly agent: string | undefined;
}

const STEPS_MAX = 5;

/**
 * Writes down that the run is opened here, before anything else is asked: whoever had it open before acknowledges nothing from then on, and
 * what he sends is at most what he had under way. Read back: the first registration says which partition the run feeds.
 */
export async function register(
  { cluster, positions, now, monotonic, draw }: RegistrationDeps,
  { gateway, info, acked, agent }: Asked,
  topic: SinkTopic,
): Promise<Registration | Refusal> {
  const { producerId, logId, firstOffset } = info;
  const shares = sharesOf(logId);
  await positions.find(shares.opening, producerId);
  const previous = positions.known.opening(producerId, topic.id);
  const taken = previous === undefined ? undefined : takenBy(previous.record, info);
  if (taken !== undefined) return taken;
  let before = previous?.record.opening;
  for (let step = 0; step < STEPS_MAX; step++) {
    const known = positions.known.opening(producerId, topic.id)?.record;
    const isHere = known?.topicId === topic.id;
    const partition = isHere ? known.partition : partitionFor(gateway, topic.name, topic.partitions.length);
    const place = { topic: topic.name, topicId: topic.id, partition };
    if (partition >= topic.partitions.length) {
      return refuse(
        'not-available',
        `${topic.name} has ${topic.partitions.length} partitions, the run feeds ${partition}`,
      );
    }
    const offset = isHere ? known.offset : await firstOffsetOf(cluster, place, producerId);
    const gone = isHere ? known.gone : previous && acked?.next;
    const [opening, writtenAt] = [draw(), monotonic()];
    const record = {
      gateway,
      logId,
      topic: topic.name,
      topicId: topic.id,
      partition,
      firstOffset,
      offset,
      ...(gone === undefined ? {} : { gone }),
      opening,
      ...(agent === undefined ? {} : { agent }),
      at: now(),
    };
    await positions.writeOpening(shares.opening, producerId, record);
    await positions.read(shares.opening);
    const written = positions.known.opening(producerId, topic.id);
    if (written?.record.opening !== opening || written.before !== before) {
      return refuse('not-available', `run ${producerId} is being opened elsewhere at the same time`);
    }
    const { record: agreed, appendedAt } = written;
    before = opening;
    if (agreed.partition !== partition || agreed.offset !== offset) continue;
    // After the opening: whoever goes on under an older one looks for it after he said that he does.
    await positions.find(shares.position, producerId);
    return { record, place, appendedAt, writtenAt, previous, position: positions.known.position(producerId) };
  }
  return refuse('not-available', `run ${producerId} is being registered by others`);
}

/** A new run begins behind all that is there; one whose registration was lost is looked for from the beginning. */
async function firstOffsetOf(cluster: SinkCluster, place: Place, producerId: number): Promise<number> {
  const ends = await cluster.ends(place);
  const producers = await cluster.knownProducers(place);
  return producers.has(producerId) ? ends.logStartOffset : ends.highWatermark;
}

/** The run fed a topic of this name that is gone: what went with it is not lost data, and nothing of it is sent again. */
export function wasRecreated({ previous, place }: Registration): boolean {
  return previous !== undefined && previous.record.topicId !== place.topicId;
}

/** The position in a record, if there is one. */
export function positionIn(record: PositionRecord | undefined): Position | undefined {
  return record?.next === undefined || record.crc === undefined
    ? undefined
    : { next: record.next, crc: record.crc };
}
