import { silentLogger } from '@edgelog/runtime';
import { SEQUENCE_MODULUS } from '@edgelog/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sinkSettings } from './settings.ts';
import { openKafkaSink } from './sink.ts';
import type { KafkaSink } from './sink-types.ts';
import { ModelGateway } from './testing/model-gateway.ts';
import { type ModelClient, ModelKafka } from './testing/model-kafka.ts';
import { VirtualTime } from './testing/virtual-time.ts';

const START = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const FAULTY_MS = 10 * 60_000;
const BATCHES = 300;
const QUIET_MS = 4 * 3_600_000;

interface Process {
  readonly client: ModelClient;
  sink: KafkaSink | undefined;
  instance: number;
}

interface World {
  readonly seed: number;
  readonly gateways: number;
  readonly lossy: number;
  readonly isAppendTime: boolean;
  /** Old records: forgotten at any moment. */
  readonly oldShare: number;
  readonly firstOffset: number;
  readonly recreates: boolean;
  readonly trims: boolean;
}

/** Small and the same for each seed [mulberry32]. */
function prng(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function live(world: World): Promise<string[]> {
  const random = prng(world.seed);
  const time = new VirtualTime(START);
  const kafka = new ModelKafka({ time, random, expirationMs: DAY_MS, partitions: 2 });
  const configs = world.isAppendTime ? { 'message.timestamp.type': 'LogAppendTime' } : {};
  kafka.create('telemetry', { configs });
  const archive: {
    topicId: string;
    producerId: number;
    from: number;
    records: number;
    baseOffset: number;
    partition: number;
  }[] = [];
  const seen = new Set<string>();
  const keep = () => {
    const topic = kafka.topic('telemetry');
    topic?.partitions.forEach(({ log, highWatermark }, partition) => {
      for (const { header } of log) {
        const key = `${topic.id} ${partition} ${header.baseOffset}`;
        if (header.lastOffset >= highWatermark || seen.has(key)) continue;
        seen.add(key);
        const { producerId, baseSequence: from, recordCount: records, baseOffset } = header;
        archive.push({ topicId: topic.id, producerId, from, records, baseOffset, partition });
      }
    });
  };
  const open = async (process: Process) => {
    process.sink = await openKafkaSink({
      cluster: process.client,
      log: silentLogger,
      settings: sinkSettings(),
      timers: time,
      now: () => time.now,
      monotonic: () => time.now,
      instance: `process-${process.instance}`,
    }).catch(() => undefined);
  };
  let instances = 0;
  const start = (): Process => {
    const client = kafka.client();
    client.lossy = faultsUntil > time.now ? world.lossy : 0;
    const process = { client, sink: undefined, instance: ++instances };
    void open(process);
    return process;
  };
  const faultsUntil = START + FAULTY_MS;
  const processes = [start(), start(), start()];
  const gateways = Array.from({ length: world.gateways }, (_, number) => {
    const batch = () => {
      const isOld = random() < world.oldShare;
      return { records: 1 + Math.floor(random() * 4), time: isOld ? START - 30 * DAY_MS : START };
    };
    const burst = 1 + Math.floor(random() * 10);
    const sealed = () => Math.floor(((time.now - START) / FAULTY_MS) * (BATCHES / burst) + 1) * burst;
    const { firstOffset } = world;
    return new ModelGateway({ number, topic: 'telemetry', firstOffset, batch, batches: BATCHES, sealed });
  });
  const notify = () => {
    for (const gateway of gateways) gateway.notify();
    if (gateways.some(({ isDone }) => !isDone)) time.after(1_000, notify);
  };
  notify();
  const problems: string[] = [];
  const drive = async (gateway: ModelGateway) => {
    const pause = (ms: number) => new Promise<void>((resolve) => void time.after(ms, resolve));
    let at = Math.floor(random() * processes.length);
    while (!gateway.isDone) {
      if (random() < 0.3) at = Math.floor(random() * processes.length);
      const process = processes[at]!;
      if (process.sink === undefined) {
        await pause(500);
        continue;
      }
      const leaving = time.after(faultsUntil > time.now ? random() * 60_000 : QUIET_MS, () =>
        gateway.leave(),
      );
      const gone = Promise.withResolvers<undefined>();
      const watch = () => {
        if (processes[at] !== process) gone.resolve(undefined);
        else cancel = time.after(1_000, watch);
      };
      let cancel = time.after(1_000, watch);
      await Promise.race([gateway.send(process.sink, 1 + Math.floor(random() * 8)), gone.promise]);
      gateway.leave();
      cancel();
      leaving();
      await pause(200 + random() * 2_000);
    }
  };
  for (const gateway of gateways) drive(gateway).catch((error: unknown) => problems.push(String(error)));
  const disturb = () => {
    keep();
    if (time.now >= faultsUntil) {
      for (const { client } of processes) client.lossy = 0;
      return;
    }
    time.after(random() * 8_000, disturb);
    const partitions = [...kafka.partitions()];
    const partition = partitions[Math.floor(random() * partitions.length)]!;
    const dice = random();
    if (dice < 0.25) kafka.elect(partition, Math.floor(random() * 3));
    else if (dice < 0.55) partition.expire(time.now - DAY_MS, (id) => (kafka.underWay.get(id) ?? 0) > 0);
    else if (dice < 0.75) {
      const i = Math.floor(random() * processes.length);
      processes[i]!.client.die();
      processes[i] = start();
    } else if (dice < 0.8 && world.trims) {
      const data = kafka.topic('telemetry')?.partitions[Math.floor(random() * 2)];
      data?.trim(Math.floor(random() * (data.highWatermark + 1)));
    } else if (dice < 0.82 && world.recreates) {
      kafka.delete('telemetry');
      time.after(random() * 5_000, () => kafka.create('telemetry', { configs }));
    }
  };
  disturb();
  await time.run(
    START + FAULTY_MS + QUIET_MS,
    () => gateways.every(({ isDone }) => isDone) || problems.length > 0,
  );
  keep();
  for (const gateway of gateways) {
    problems.push(...gateway.alarms);
    if (!gateway.isDone)
      problems.push(
        `${gateway.name} stands at ${gateway.acked?.next}: ${JSON.stringify(processes[0]!.sink?.status().lastErrors.slice(-3))}`,
      );
    const mine = archive.filter(({ producerId }) => producerId === gateway.info.producerId);
    const lives = [...new Set(mine.map(({ topicId }) => topicId))];
    let end = gateway.info.firstOffset;
    for (const topicId of lives) {
      const batches = mine
        .filter((one) => one.topicId === topicId)
        .sort((a, b) => a.baseOffset - b.baseOffset);
      if (new Set(batches.map(({ partition }) => partition)).size > 1)
        problems.push(`${gateway.name} is in two partitions`);
      const isFirst = topicId === lives[0];
      // What was in the topic that was deleted may come again where nobody had been told of it, but nothing may be missing.
      const first = batches[0]!.from;
      const wrapped = first < end % SEQUENCE_MODULUS && !isFirst ? first : end % SEQUENCE_MODULUS;
      if (first !== wrapped) problems.push(`${gateway.name}: ${topicId} begins at ${first} after ${end}`);
      let next = first;
      for (const { from, records } of batches) {
        if (from !== next) problems.push(`${gateway.name}: ${from} where ${next} is next (${topicId})`);
        next = (from + records) % SEQUENCE_MODULUS;
      }
      end = next;
    }
    if (end !== gateway.starts.at(-1)! % SEQUENCE_MODULUS) problems.push(`${gateway.name} ends at ${end}`);
  }
  for (const { client } of processes) client.die();
  return problems;
}

const worlds = fc.record({
  seed: fc.integer(),
  gateways: fc.integer({ min: 1, max: 4 }),
  lossy: fc.constantFrom(0, 0.01, 0.05),
  isAppendTime: fc.boolean(),
  oldShare: fc.constantFrom(0, 0.5, 1),
  firstOffset: fc.constantFrom(0, 17, SEQUENCE_MODULUS - 40, 5 * SEQUENCE_MODULUS - 3),
  recreates: fc.boolean(),
  trims: fc.boolean(),
});

test('whatever dies, moves, is lost or forgotten: each record once, in order, and nothing acknowledged is missing', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      expect(await live(world)).toEqual([]);
    }),
    { numRuns: Number(process.env.SINK_WORLDS ?? 30) },
  );
}, 600_000);
