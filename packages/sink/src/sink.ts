import { EdgelogError } from '@edgelog/base';
import {
  foreignProducer,
  type Gap,
  type HubAppend,
  type HubPort,
  type Incident,
  type Position,
  type Refusal,
  type RunInfo,
  refuse,
} from '@edgelog/sync';
import { ActiveRun, type ActiveRunDeps } from './active-run.ts';
import { Announcer } from './announcer.ts';
import { eventOf, gapEvent } from './event.ts';
import { Events } from './events.ts';
import { findPosition } from './find-position.ts';
import { handoverOf } from './handover.ts';
import { CLOSE_MS_MAX, DOUBT_MS, GONE_MS, LATE_MS, LEASE_MS, POSITIONS_EVERY_MS } from './limits.ts';
import { Partitions } from './partitions.ts';
import { PositionsTopic } from './positions-topic.ts';
import { isUnauthorized } from './refusal.ts';
import { RefusalLog } from './refusal-log.ts';
import { type Asked, type Registration, register } from './registration.ts';
import type { KafkaSink, KafkaSinkOptions, KafkaSinkStatus } from './sink-types.ts';
import { Counters } from './status.ts';
import { pause } from './survey.ts';
import { illegalTopic, Topics } from './topics.ts';

type Opened = Awaited<ReturnType<HubPort['openRun']>>;

/**
 * Gateways' sealed batches into a Kafka cluster: README.md has the rules. Rejects as the cluster does where it cannot be asked, with
 * CONFIG_INVALID where the positions topic cannot be used.
 */
export async function openKafkaSink(options: KafkaSinkOptions): Promise<KafkaSink> {
  const sink = new Sink(options);
  await sink.start();
  return sink;
}

class Sink implements KafkaSink {
  readonly hubId: string;
  readonly #options: KafkaSinkOptions;
  readonly #counters: Counters;
  readonly #topics: Topics;
  readonly #partitions: Partitions;
  readonly #events: Events;
  readonly #announcer: Announcer;
  readonly #refusals: RefusalLog;
  readonly #runs = new Map<number, ActiveRun>();
  /** The last opening of each run that is being opened. */
  readonly #openings = new Map<number, Promise<unknown>>();
  /** Since when the cluster has known less of a run than was acknowledged, monotonic. */
  readonly #doubts = new Map<number, number>();
  #positions: PositionsTopic | undefined;
  #drawn = 0;
  #isClosed = false;
  #endTimer = () => {};

  constructor(options: KafkaSinkOptions) {
    const { cluster, settings, log, timers, now, monotonic } = options;
    this.hubId = cluster.clusterId;
    this.#options = options;
    this.#counters = new Counters(now);
    this.#refusals = new RefusalLog(log);
    this.#topics = new Topics({ cluster, settings, log, monotonic });
    this.#partitions = new Partitions({ cluster, log, timers, monotonic });
    const topic = settings.sinkEventsTopic === 'off' ? undefined : settings.sinkEventsTopic;
    const mayCreate = settings.sinkCreateTopics;
    this.#events = new Events({ cluster, topic, mayCreate, log, timers, now, counters: this.#counters });
    this.#announcer = new Announcer({ log, events: this.#events, now });
  }

  async start(): Promise<void> {
    await this.#openPositions();
    this.#tick();
  }

  async openRun(gateway: string, info: RunInfo, acked?: Position, agent?: string): Promise<Opened> {
    const illegal = this.#illegal(info);
    if (illegal !== undefined) return illegal;
    const { producerId } = info;
    const before = this.#openings.get(producerId) ?? Promise.resolve();
    const opening: Promise<Opened> = before
      .then(() =>
        this.#openings.get(producerId) === opening
          ? this.#open({ gateway, info, acked, agent })
          : refuse('not-available', `run ${producerId} is being opened again`),
      )
      .catch((error: unknown) => this.#refusalFor(info, error))
      .finally(() => {
        if (this.#openings.get(producerId) === opening) this.#openings.delete(producerId);
      });
    this.#openings.set(producerId, opening);
    return opening;
  }

  append(producerId: number, batch: Buffer): HubAppend {
    const run = this.#runs.get(producerId);
    if (run === undefined) return refuse('not-available', `run ${producerId} is not open here`);
    return run.append(batch);
  }

  async recordGap(gateway: string, gap: Gap): Promise<void> {
    await this.#events.write(gapEvent(gateway, gap, this.#options.now()));
    const { logId, topic, from, to, reason } = gap;
    this.#options.log.warn('gap declared by gateway', {
      gateway,
      topic,
      logId,
      from,
      to,
      reason,
      records: to - from,
    });
  }

  incident(incident: Incident): void {
    this.#events.tell(eventOf(incident, this.#options.now()));
  }

  async check(): Promise<void> {
    await this.#options.cluster.topic(this.#options.settings.sinkPositionsTopic, true);
  }

  status(): KafkaSinkStatus {
    let [inFlightBatches, inFlightBytes, positionsBehind, oldest] = [0, 0, 0, Number.POSITIVE_INFINITY];
    for (const { inFlight, dirtySince } of this.#runs.values()) {
      inFlightBatches += inFlight.batches;
      inFlightBytes += inFlight.bytes;
      if (dirtySince === undefined) continue;
      positionsBehind++;
      oldest = Math.min(oldest, dirtySince);
    }
    const { lastErrors, ...counts } = this.#counters.all;
    return {
      clusterId: this.hubId,
      runs: this.#runs.size,
      recordsKept: this.#positions?.known.size ?? 0,
      ...{ inFlightBatches, inFlightBytes, ...counts },
      scannedBytes: this.#partitions.scannedBytes,
      positionsBehind,
      positionsBehindMs: positionsBehind === 0 ? 0 : Math.max(0, this.#options.monotonic() - oldest),
      scans: [...this.#partitions.scans()],
      topics: [...this.#topics.status()],
      eventsWaiting: this.#events.waiting,
      lastErrors,
    };
  }

  async flush(): Promise<void> {
    await Promise.all(Array.from(this.#runs.values(), (run) => run.keep()));
    await this.#events.flush();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#endTimer();
    this.#events.close();
    let endWait = () => {};
    const late = new Promise<void>((resolve) => {
      endWait = this.#options.timers.after(CLOSE_MS_MAX, resolve);
    });
    await Promise.race([this.#endRuns(), late]);
    endWait();
    await this.#options.cluster.close();
  }

  async #endRuns(): Promise<void> {
    await Promise.allSettled(this.#openings.values());
    await Promise.allSettled(Array.from(this.#runs.values(), (run) => run.stop()));
  }

  async #open(asked: Asked): Promise<Opened> {
    const { producerId } = asked.info;
    const last = this.#runs.get(producerId);
    if (
      last !== undefined &&
      !(await last.end(refuse('not-available', `run ${producerId} is opened again`)))
    ) {
      return refuse('not-available', `what is in flight of run ${producerId} is not answered yet`);
    }
    const positions = await this.#openPositions();
    const release = positions.known.hold(producerId);
    try {
      return await this.#openAt(positions, last, asked);
    } finally {
      release();
    }
  }

  async #openAt(positions: PositionsTopic, last: ActiveRun | undefined, asked: Asked): Promise<Opened> {
    const { cluster, now, monotonic, timers, instance, log } = this.#options;
    const { gateway, info, acked } = asked;
    const { producerId } = info;
    const found = await this.#topics.forStream(info.topic, gateway);
    if ('ok' in found) return found;
    const { topic, policy } = found;
    const draw = () => `${instance}.${++this.#drawn}`;
    const registration = await register({ cluster, positions, now, monotonic, draw }, asked, topic);
    if ('ok' in registration) return registration;
    this.#announcer.registered(info, registration, acked, last?.agent);
    const before = last?.isFollowedBy(registration) ? last : undefined;
    const sureAt = sureAtOf(registration, before);
    if (sureAt > monotonic() && before === undefined)
      await pause(timers, handoverOf(registration.position?.record));
    const { place } = registration;
    const since = this.#doubts.get(producerId);
    const isBelieved = since !== undefined && monotonic() - since >= DOUBT_MS;
    const { survey, standing } = await this.#partitions.with(place, async (partition) => {
      const { scanner } = partition;
      const survey = await partition.survey();
      const find = { cluster, scanner, survey, registration, policy, info, acked, isBelieved };
      return { survey, standing: await findPosition(find) };
    });
    if (standing.missing !== undefined) {
      if (!isBelieved) return this.#doubt(info, standing.missing);
      this.#announcer.lost(gateway, info, standing.missing, standing.position);
    }
    this.#doubts.delete(producerId);
    if (this.#isClosed) return refuse('shutting-down', 'the sink is stopping');
    const { position, offset } = standing;
    const { leaderEpoch } = survey.ends;
    const own = { counters: this.#counters, refusals: this.#refusals };
    const deps: ActiveRunDeps = { ...this.#options, positions, ...own };
    const start = { producerId, registration, leaderEpoch, policy, position, offset, sureAt };
    this.#runs.set(producerId, new ActiveRun(deps, start));
    last?.drop();
    this.#counters.openings++;
    log.debug('run opened', {
      gateway,
      producerId,
      topic: topic.name,
      partition: place.partition,
      ...position,
    });
    return { ok: true, partition: place.partition, position };
  }

  /** The cluster knows less than was committed once: for now that is a leader which does not know that it leads no more. */
  async #doubt({ producerId, topic }: RunInfo, { next }: Position): Promise<Refusal> {
    const { cluster, monotonic } = this.#options;
    if (!this.#doubts.has(producerId)) this.#doubts.set(producerId, monotonic());
    const message = `${topic}: of run ${producerId} ${next} was acknowledged, the cluster has less; it is asked again`;
    this.#counters.failed(`opening run ${producerId}`, message);
    await cluster.topic(topic, true);
    return refuse('not-available', message);
  }

  /** The positions topic as it is now: one that was deleted and created again knows nothing of what is open here. */
  async #openPositions(): Promise<PositionsTopic> {
    const { cluster, settings, log, now, recordsKept } = this.#options;
    const name = settings.sinkPositionsTopic;
    const topic = await cluster.topic(name);
    if (this.#positions !== undefined && this.#positions.topic.id === topic?.id) return this.#positions;
    const mayCreate = settings.sinkCreateTopics;
    const opened = await PositionsTopic.open({ cluster, name, mayCreate, log, now, recordsKept });
    if (this.#positions?.topic.id === opened.topic.id) return this.#positions;
    if (this.#positions !== undefined) {
      log.error('the topic of positions is another one: runs are registered anew', { topic: name });
      const reason = refuse('not-available', `topic ${name} is another one`);
      for (const run of this.#runs.values()) void run.end(reason);
    }
    this.#positions = opened;
    return opened;
  }

  #illegal(info: RunInfo): Refusal | undefined {
    if (this.#isClosed) return refuse('shutting-down', 'the sink is stopping');
    const foreign = foreignProducer(info);
    if (foreign !== undefined) return foreign;
    const { sinkPositionsTopic, sinkEventsTopic } = this.#options.settings;
    const illegal = illegalTopic(info.topic, [sinkPositionsTopic, sinkEventsTopic]);
    return illegal === undefined ? undefined : refuse('illegal-topic', illegal);
  }

  #refusalFor({ topic, producerId }: RunInfo, error: unknown): Refusal {
    if (!(error instanceof EdgelogError)) throw error;
    this.#counters.failed(`opening run ${producerId} of ${topic}`, error.message);
    if (isUnauthorized(error)) return refuse('unauthorized', error.message);
    const isLasting =
      error.code === 'REFUSED' || error.code === 'CONFIG_INVALID' || error.code === 'CORRUPT_BATCH';
    return refuse(isLasting ? 'store-failed' : 'not-available', error.message);
  }

  /** A session goes by what the topic's settings were when it was opened: after a change it is opened again. */
  async #lookAtTopics(): Promise<void> {
    const changed = await this.#topics.lookAgain((topic) =>
      Array.from(this.#runs.values()).some((run) => run.topic === topic),
    );
    if (changed === undefined) return;
    const reason = refuse('not-available', `topic ${changed} is set otherwise than before`);
    for (const run of this.#runs.values()) if (run.topic === changed) void run.end(reason);
  }

  /** What agents have left behind. */
  #dropGone(): void {
    for (const [producerId, run] of this.#runs) {
      if (!run.isGone || this.#openings.has(producerId)) continue;
      this.#runs.delete(producerId);
      this.#refusals.forget(producerId);
      run.drop();
    }
    const { monotonic } = this.#options;
    for (const [producerId, since] of this.#doubts) {
      if (monotonic() - since >= GONE_MS) this.#doubts.delete(producerId);
    }
  }

  #tick(): void {
    this.#endTimer = this.#options.timers.after(POSITIONS_EVERY_MS, () => {
      this.#dropGone();
      for (const run of this.#runs.values()) void run.keep();
      void this.#lookAtTopics();
      if (!this.#isClosed) this.#tick();
    });
  }
}

/** From when on nothing can come any more that was sent under an older opening. `before`: the session there was before, if nobody had the run between. */
function sureAtOf(
  { previous, position, appendedAt, writtenAt }: Registration,
  before: ActiveRun | undefined,
): number {
  if (previous === undefined) return writtenAt;
  if (before !== undefined)
    return before.hasUnknown ? Math.max(before.sureAt, writtenAt + LATE_MS) : before.sureAt;
  const since = Math.max(previous.appendedAt ?? appendedAt ?? 0, position?.appendedAt ?? 0);
  const age = appendedAt === undefined ? 0 : Math.max(0, appendedAt - since);
  return writtenAt + Math.max(0, LEASE_MS + LATE_MS - age);
}
