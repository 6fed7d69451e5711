import type { Prng } from '@edgelog/sim';
import type { KafkaProcesses } from '../harness/kafka.ts';
import { sleep } from '../harness/wait.ts';
import { checkDelivered, storedBatches } from './delivered.ts';
import type { FaultKind, FaultPlan } from './faulty-cluster.ts';
import { RawPartition } from './raw-partition.ts';
import { SinkGateway } from './sink-gateway.ts';

/** Longer than a sink in haste waits until it writes positions. */
const POSITIONS_MS = 250;

export const FAULT_KINDS = [
  'fail',
  'lose',
  'die before',
  'die after',
] as const satisfies readonly FaultKind[];

/** A fault at one call of all that a gateway's lives make, then none. */
export function onceAt(index: number, kind: FaultKind): FaultPlan {
  let calls = 0;
  return () => (calls++ === index ? kind : undefined);
}

/** A fault at every so many calls, the first at call `at`, until there were `most`. */
export function atEvery(step: number, at: number, kind: FaultKind, most: number): FaultPlan {
  let calls = 0;
  return () => {
    const since = calls++ - at;
    return since >= 0 && since % step === 0 && since / step < most ? kind : undefined;
  };
}

/** Each life ends later than the one before by so many calls, the first one after call `at`; the one that does not come so far is left. */
export function everLater(step: number, at: number): FaultPlan {
  let last = at;
  return ({ index }) => {
    if (index !== last) return undefined;
    last += step;
    return 'die after';
  };
}

/** A fault at one of so many calls, any one, until there were `most`. */
export function atRandom(prng: Prng, oneOf: number, most: number): FaultPlan {
  let faults = 0;
  return () => {
    if (faults === most || !prng.chance(1 / oneOf)) return undefined;
    faults++;
    return prng.pick(FAULT_KINDS);
  };
}

/**
 * A gateway's story: the first batches of a run, some more, a pause in which positions are written, a restart as after SIGTERM, more, kill -9,
 * and the last. `plan` strikes somewhere in it; who dies of it is started again, `pauseMs` later.
 */
async function live(gateway: SinkGateway, plan: FaultPlan, pauseMs: number): Promise<number> {
  let calls = 0;
  const start = (): Promise<void> => gateway.start(plan);
  const restart = async (): Promise<void> => {
    await sleep(pauseMs);
    await start();
  };
  const drain = async (): Promise<void> => {
    while (!(await gateway.drained())) {
      calls += gateway.calls.length;
      await restart();
    }
  };
  const take = async (...batches: number[]): Promise<void> => {
    for (const records of batches) {
      if (!gateway.isAlive) await drain();
      await gateway.take(records);
    }
  };
  await start();
  await take(2, 3, 2);
  await drain();
  await take(1, 4);
  await drain();
  await sleep(POSITIONS_MS);
  calls += gateway.calls.length;
  await gateway.stop();
  await restart();
  await take(3, 1);
  await drain();
  calls += gateway.calls.length;
  gateway.kill();
  await restart();
  await take(2);
  await drain();
  calls += gateway.calls.length;
  gateway.kill();
  return calls;
}

export interface StoryOptions {
  readonly topic: string;
  /** How old the records are: of old ones Kafka forgets the producer at once. */
  readonly ageMs: number;
  readonly plan?: FaultPlan;
  readonly configs?: Readonly<Record<string, string>>;
  /** Between a gateway's lives, and until an answer that is lost or late is. */
  readonly pauseMs?: number;
}

/** Throws when a record is lost, doubled or out of order. Answers how many calls there were. */
export async function tellStory(kafka: KafkaProcesses, options: StoryOptions): Promise<number> {
  const { topic, ageMs, plan = () => undefined, configs = {}, pauseMs = 0 } = options;
  await kafka.admin.createTopic(topic, { configs });
  const gateway = new SinkGateway(kafka, topic, { ageMs, pauseMs });
  const calls = await live(gateway, plan, pauseMs);
  checkDelivered(await storedBatches([new RawPartition(kafka, topic)]), gateway.promised);
  if (gateway.divergences.length > 0) throw new Error(`it diverged: ${gateway.divergences.join()}`);
  return calls;
}

/** Runs jobs, so many at a time, and rejects with the failures of all of them. */
export async function inParallel(width: number, jobs: readonly (() => Promise<unknown>)[]): Promise<void> {
  const errors: unknown[] = [];
  const waiting = [...jobs];
  const worker = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift())
      await job().catch((error: unknown) => errors.push(error));
  };
  await Promise.all(Array.from({ length: width }, worker));
  if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join('\n'));
}
