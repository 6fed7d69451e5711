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
import { ActiveRun } from './active-run.ts';
import { Announcer } from './announcer.ts';
import { CurrentPositions } from './current-positions.ts';
import { Doubts } from './doubts.ts';
import { eventOf, gapEvent } from './event.ts';
import { Events } from './events.ts';
import { CLOSE_MS_MAX, POSITIONS_EVERY_MS } from './limits.ts';
import { findRun, type OpeningDeps } from './opening.ts';
import { Partitions } from './partitions.ts';
import type { PositionsTopic } from './positions-topic.ts';
import { isUnauthorized } from './refusal.ts';
import { RefusalLog } from './refusal-log.ts';
import type { Asked } from './registration.ts';
import type { KafkaSink, KafkaSinkOptions, KafkaSinkStatus } from './sink-types.ts';
import { Counters } from './status.ts';
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
  readonly #positions: CurrentPositions;
  readonly #events: Events;
  readonly #doubts: Doubts;
  readonly #refusals: RefusalLog;
  /** What openings go by. */
  readonly #openingDeps: Omit<OpeningDeps, 'positions'>;
  readonly #runs = new Map<number, ActiveRun>();
  /** The last opening of each run that is being opened. */
  readonly #openings = new Map<number, Promise<unknown>>();
  #drawn = 0;
  #isClosed = false;
  #endTimer = () => {};

  constructor(options: KafkaSinkOptions) {
    const { cluster, settings, log, timers, now, monotonic, instance, recordsKept } = options;
    const { sinkPositionsTopic: name, sinkEventsTopic, sinkCreateTopics: mayCreate } = settings;
    this.hubId = cluster.clusterId;
    this.#options = options;
    const counters = new Counters(now);
    this.#counters = counters;
    this.#refusals = new RefusalLog(log);
    this.#topics = new Topics({ cluster, settings, log, monotonic });
    this.#partitions = new Partitions({ cluster, log, timers, monotonic });
    this.#positions = new CurrentPositions({ cluster, name, mayCreate, log, now, recordsKept }, () => {
      log.error('the topic of positions is another one: runs are registered anew', { topic: name });
      this.#endAll(() => true, `topic ${name} is another one`);
    });
    const eventsTopic = sinkEventsTopic === 'off' ? undefined : sinkEventsTopic;
    this.#events = new Events({ cluster, topic: eventsTopic, mayCreate, log, timers, now, counters });
    this.#doubts = new Doubts({ cluster, counters, monotonic });
    this.#openingDeps = {
      ...{ cluster, topics: this.#topics, partitions: this.#partitions, doubts: this.#doubts },
      announcer: new Announcer({ log, events: this.#events, now }),
      ...{ timers, now, monotonic, draw: () => `${instance}.${++this.#drawn}` },
    };
  }

  async start(): Promise<void> {
    await this.#positions.open();
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
      recordsKept: this.#positions.recordsKept,
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
    const positions = await this.#positions.open();
    const release = positions.known.hold(producerId);
    try {
      return await this.#openAt(positions, last, asked);
    } finally {
      release();
    }
  }

  async #openAt(positions: PositionsTopic, last: ActiveRun | undefined, asked: Asked): Promise<Opened> {
    const { gateway, info } = asked;
    const { producerId } = info;
    const found = await findRun({ ...this.#openingDeps, positions }, asked, last);
    if ('ok' in found) return found;
    if (this.#isClosed) return refuse('shutting-down', 'the sink is stopping');
    const own = { positions, counters: this.#counters, refusals: this.#refusals };
    this.#runs.set(producerId, new ActiveRun({ ...this.#options, ...own }, found));
    last?.drop();
    this.#counters.openings++;
    const { position, registration } = found;
    const { topic, partition } = registration.place;
    this.#options.log.debug('run opened', { gateway, producerId, topic, partition, ...position });
    return { ok: true, partition, position };
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
    this.#endAll((run) => run.topic === changed, `topic ${changed} is set otherwise than before`);
  }

  /** Agents open them again. */
  #endAll(which: (run: ActiveRun) => boolean, why: string): void {
    const reason = refuse('not-available', why);
    for (const run of this.#runs.values()) if (which(run)) void run.end(reason);
  }

  /** What agents have left behind. */
  #dropGone(): void {
    for (const [producerId, run] of this.#runs) {
      if (!run.isGone || this.#openings.has(producerId)) continue;
      this.#runs.delete(producerId);
      this.#refusals.forget(producerId);
      run.drop();
    }
    this.#doubts.dropGone();
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
