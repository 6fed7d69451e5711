import { iterateRecords } from '@edgelog/wire';
import { expect, test } from 'vitest';
import type { EdgelogEvent } from './event.ts';
import { DOUBT_MS, HANDOVER_MS, LATE_MS, LEASE_MS, QUIET_MS } from './limits.ts';
import { ModelGateway } from './testing/model-gateway.ts';
import { DAY_MS, START_AT, Stage, TOPIC } from './testing/stage.ts';

test('a settled record counts as long as nobody opened the run after it', async () => {
  const stage = new Stage();
  const gateway = stage.gateway();
  const first = await stage.sink();
  await stage.send(gateway, first);
  await stage.until(first.sink.close());
  const second = await stage.sink();
  stage.sealed = 10;
  await stage.send(gateway, second);
  second.client.die();
  stage.forget();
  // As if the gateway had died before it heard of it.
  gateway.acked = { next: 5, crc: gateway.crcEndingAt(5)! };
  const third = await stage.sink();
  expect(await stage.position(gateway, third)).toMatchObject({ position: { next: 10 } });
});

test('after a quiet time nothing is looked for, though much has come from others', async () => {
  const stage = new Stage();
  const [gateway, other] = [stage.gateway(0), stage.gateway(1)];
  const first = await stage.sink();
  await stage.send(gateway, first);
  await stage.time.run(stage.time.now + QUIET_MS + 2_000);
  stage.sealed = 40;
  await stage.send(other, first);
  first.client.die();
  stage.forget();
  const second = await stage.sink();
  expect(await stage.position(gateway, second)).toMatchObject({ position: { next: 5 } });
  expect(second.sink.status().scannedBytes).toBe(0);
  // And what comes after it is not taken for nothing.
  const third = await stage.sink();
  await stage.send(gateway, third);
  third.client.die();
  stage.forget();
  expect(await stage.position(gateway, await stage.sink())).toMatchObject({ position: { next: 40 } });
});

test('a search ends where records begin that are too new to have come before the run was last written of', async () => {
  const stage = new Stage();
  const gateway = stage.gateway();
  const first = await stage.sink();
  await stage.send(gateway, first);
  first.client.die();
  // A month of what others send, with times of its own.
  for (let n = 1; n <= 30; n++) {
    await stage.time.run(START_AT + n * DAY_MS);
    const batch = () => ({ records: 1, time: START_AT + n * DAY_MS });
    const other = new ModelGateway({
      number: n,
      topic: TOPIC,
      firstOffset: 0,
      batch,
      batches: 5,
      sealed: () => 5,
    });
    const at = await stage.sink();
    await stage.send(other, at);
    await stage.until(at.sink.close());
  }
  const second = await stage.sink();
  stage.forget();
  const before = second.sink.status().scannedBytes;
  expect(await stage.position(gateway, second)).toMatchObject({ position: { next: 5 } });
  const bytes = stage.partition.log.reduce((sum, { header }) => sum + header.sizeBytes, 0);
  expect(second.sink.status().scannedBytes - before).toBeLessThan(bytes / 10);
});

test('hundreds of runs whose process died share one pass over the log', async () => {
  const stage = new Stage();
  const gateways = Array.from({ length: 300 }, (_, number) => stage.gateway(number, 0, 3));
  stage.sealed = 3;
  const first = await stage.sink();
  for (const gateway of gateways) void gateway.send(first.sink, 3);
  await stage.time.run(stage.time.now + 60_000, () => gateways.every(({ isDone }) => isDone));
  first.client.die();
  stage.forget();
  const second = await stage.sink();
  const opened = await stage.until(
    Promise.all(gateways.map(({ name, info, acked }) => second.sink.openRun(name, info, acked))),
  );
  expect(opened.every((answer) => answer.ok && answer.position?.next === 3)).toBe(true);
  const bytes = stage.partition.log.reduce((sum, { header }) => sum + header.sizeBytes, 0);
  expect(second.sink.status().scannedBytes).toBeLessThan(5 * bytes);
});

test('a leader that knows less than was acknowledged is not believed at once', async () => {
  const stage = new Stage();
  const gateway = stage.gateway();
  const at = await stage.sink();
  await stage.send(gateway, at);
  gateway.leave();
  // What an unclean election loses.
  stage.partition.highWatermark = 3;
  stage.partition.elect(0);
  // The first finds that the leader moved.
  await stage.position(gateway, at);
  const doubted = await stage.position(gateway, at);
  expect(doubted).toMatchObject({ ok: false, code: 'not-available' });
  expect(at.sink.status().lastErrors.at(-1)?.message).toContain('5 was acknowledged');
  await stage.time.run(stage.time.now + DOUBT_MS);
  expect(await stage.position(gateway, at)).toMatchObject({ ok: true, position: { next: 3 } });
});

test('a process that stood still sends nothing before it has looked whether the run is still its own', async () => {
  const stage = new Stage();
  const gateway = stage.gateway();
  const [first, second] = [await stage.sink(), await stage.sink()];
  await stage.send(gateway, first);
  await stage.time.run(stage.time.now + LEASE_MS);
  stage.sealed = 10;
  await stage.send(gateway, second);
  stage.forget();
  const log = stage.partition.log.length;
  const late = first.sink.append(gateway.info.producerId, gateway.batch(5));
  expect(late.ok && (await stage.until(late.committed))).toMatchObject({ ok: false, code: 'not-available' });
  expect(stage.partition.log.length).toBe(log);
});

test("a clone's batch that came late, with the sequences of ours, is not taken for ours", async () => {
  const stage = new Stage();
  const [gateway, clone] = [stage.gateway(), stage.gateway(0, 1)];
  const [first, second] = [await stage.sink(), await stage.sink()];
  stage.sealed = 0;
  void clone.send(first.sink, 4);
  await stage.time.run(stage.time.now + 1_000);
  void gateway.send(second.sink, 4);
  await stage.time.run(stage.time.now + 1_000);
  // It was under way all the time.
  const { bytes } = { bytes: clone.batch(0) };
  bytes.fill(0, 0, 8);
  stage.partition.append(bytes, stage.time.now);
  stage.partition.commit();
  stage.sealed = 5;
  gateway.notify();
  await stage.time.run(stage.time.now + LATE_MS);
  expect(gateway.acked).toBeUndefined();
  expect(await stage.position(gateway, second)).toMatchObject({
    position: { next: 1, crc: clone.crcEndingAt(1) },
  });
});

test('the positions topic deleted and made again: runs are registered anew, and go on', async () => {
  const stage = new Stage();
  const gateway = stage.gateway();
  const at = await stage.sink();
  await stage.send(gateway, at);
  stage.kafka.delete('__edgelog_positions');
  await stage.until(at.sink.check().catch(() => {}));
  stage.sealed = 10;
  gateway.leave();
  await stage.send(gateway, at);
  expect(stage.partition.log.length).toBe(10);
});

test('a finding goes once the topic is set otherwise, though its streams never stopped', async () => {
  const stage = new Stage();
  const gateway = stage.gateway();
  const first = await stage.sink();
  const findings = () =>
    first.sink.status().topics.flatMap((topic) => topic.findings.map(({ setting }) => setting));
  stage.kafka.alter(TOPIC, { 'retention.ms': '3600000' });
  await stage.send(gateway, first);
  expect(findings()).toEqual(['retention.ms']);
  stage.kafka.alter(TOPIC, { 'retention.ms': '-1' });
  await stage.time.run(stage.time.now + 200_000);
  expect(findings()).toEqual([]);
  expect(first.sink.append(gateway.info.producerId, gateway.batch(5))).toMatchObject({ ok: true });
});

test('a session ends when its topic is set so that producers are remembered otherwise', async () => {
  const stage = new Stage();
  const gateway = stage.gateway();
  const first = await stage.sink();
  stage.kafka.alter(TOPIC, { 'message.timestamp.type': 'LogAppendTime' });
  await stage.send(gateway, first);
  stage.kafka.alter(TOPIC, { 'message.timestamp.type': 'CreateTime' });
  await stage.time.run(stage.time.now + 200_000);
  const answer = first.sink.append(gateway.info.producerId, gateway.batch(5));
  expect(answer).toMatchObject({ ok: false, code: 'not-available' });
  stage.sealed = 10;
  await stage.send(gateway, first);
});

test('a process that stops waits a few seconds for a cluster that says nothing', async () => {
  const stage = new Stage();
  const gateway = stage.gateway();
  const { sink, client } = await stage.sink();
  await stage.send(gateway, { sink });
  client.isSilent = true;
  sink.append(gateway.info.producerId, gateway.batch(5));
  void sink.openRun(gateway.name, gateway.info, gateway.acked);
  const since = stage.time.now;
  await stage.until(sink.close());
  expect(stage.time.now - since).toBeLessThan(10_000);
});

/** Of new records. What a clone has of its own begins at the batch `ownFrom`. */
function fresh(stage: Stage, batches: number, ownFrom = batches): ModelGateway {
  const batch = (i: number) => ({ records: 1, time: START_AT + (i >= ownFrom ? 1 : 0) });
  stage.sealed = batches;
  const sealed = () => stage.sealed;
  return new ModelGateway({ number: 0, topic: TOPIC, firstOffset: 0, batch, batches, sealed });
}

test.each([0, 100, 300, 1_000])(
  'over a link on which a request takes %i ms each way, batches still go beside each other',
  async (farMs) => {
    const stage = new Stage();
    const { sink, client } = await stage.sink();
    client.farMs = farMs;
    const gateway = fresh(stage, 400);
    void gateway.send(sink, 64);
    await stage.time.run(stage.time.now + DAY_MS, () => gateway.acked !== undefined);
    const since = stage.time.now;
    await stage.time.run(stage.time.now + DAY_MS, () => gateway.isDone);
    // Five at once, and a commit of the model takes a tenth of a second.
    expect(stage.time.now - since).toBeLessThan((400 / 3) * (2 * farMs + 220));
  },
);

test('of a backlog several batches share a look for other openings', async () => {
  const stage = new Stage();
  const { sink, client } = await stage.sink();
  let looks = 0;
  const scan = client.scan.bind(client);
  client.scan = (place, offset, visit) => {
    if (place.topic !== TOPIC) looks++;
    return scan(place, offset, visit);
  };
  const gateway = fresh(stage, 400);
  void gateway.send(sink, 64);
  await stage.time.run(stage.time.now + DAY_MS, () => gateway.isDone);
  expect(gateway.isDone).toBe(true);
  expect(looks).toBeLessThan(400 / 3);
});

test('what a session over a slow link sends beside each other is there before another that opens the run goes on', async () => {
  const stage = new Stage();
  const [first, second] = [await stage.sink(), await stage.sink()];
  first.client.farMs = 1_000;
  const [gateway, clone] = [fresh(stage, 40), fresh(stage, 40, 20)];
  stage.sealed = 20;
  void gateway.send(first.sink, 64);
  await stage.time.run(stage.time.now + DAY_MS, () => gateway.acked?.next === 20);
  // The look is over that found nobody, and what it allows is sent; the clone opens the run in that moment.
  await stage.time.run(stage.time.now + 1_500);
  stage.sealed = 40;
  void clone.send(second.sink, 4);
  gateway.notify();
  await stage.time.run(stage.time.now + 60_000);
  const owners = new Set(
    stage.partition.log.slice(20).map(({ header }, i) => header.crc === gateway.crcEndingAt(21 + i)),
  );
  expect(owners.size).toBe(1);
});

test('a run that another process had meanwhile waits for what that one has under way, though it was here before', async () => {
  const stage = new Stage();
  const [first, second] = [await stage.sink(), await stage.sink()];
  first.client.farMs = 1_000;
  const [gateway, clone] = [fresh(stage, 40), fresh(stage, 40, 20)];
  expect(await stage.position(clone, second)).toMatchObject({ ok: true });
  stage.sealed = 20;
  void gateway.send(first.sink, 64);
  await stage.time.run(stage.time.now + DAY_MS, () => gateway.acked?.next === 20);
  await stage.time.run(stage.time.now + 1_500);
  const since = stage.time.now;
  expect(await stage.position(clone, second)).toMatchObject({ ok: true, position: { next: 20 } });
  expect(stage.time.now - since).toBeGreaterThan(4_000);
});

test('an opening that failed once it was written down does not make what another process has under way older', async () => {
  const stage = new Stage();
  const [first, second] = [await stage.sink(), await stage.sink()];
  const gateway = stage.gateway();
  await stage.position(gateway, second);
  await stage.time.run(stage.time.now + LEASE_MS + LATE_MS);
  await stage.send(gateway, first);
  stage.partition.elect(0);
  expect(await stage.position(gateway, second)).toMatchObject({ ok: false });
  const since = stage.time.now;
  expect(await stage.position(gateway, second)).toMatchObject({ ok: true, position: { next: 5 } });
  expect(stage.time.now - since).toBeGreaterThan(HANDOVER_MS);
});

test('nothing is lost with a topic that was made anew before the first position was written, though the first opening fails', async () => {
  const stage = new Stage();
  const gateway = stage.gateway();
  const first = await stage.sink();
  await stage.send(gateway, first);
  first.client.die();
  gateway.leave();
  stage.kafka.delete(TOPIC);
  stage.kafka.create(TOPIC, {});
  const second = await stage.sink();
  const opening = second.sink.openRun(gateway.name, gateway.info, gateway.acked);
  // Its registration is written and read back; then the leader moves.
  const openings = stage.kafka.topic('__edgelog_positions')!.partitions;
  const written = () => openings.reduce((sum, { highWatermark }) => sum + highWatermark, 0);
  const before = written();
  await stage.time.run(stage.time.now + DAY_MS, () => written() > before);
  stage.partition.elect(0);
  expect(await stage.until(opening)).toMatchObject({ ok: false, code: 'not-available' });
  const third = await stage.sink();
  expect(await stage.position(gateway, third)).toMatchObject({ ok: true, position: gateway.acked });
  // What comes after it and is lost is a loss as any other.
  stage.sealed = 10;
  await stage.send(gateway, third);
  third.client.die();
  gateway.leave();
  stage.partition.highWatermark = 0;
  stage.partition.elect(0);
  expect(await stage.position(gateway, await stage.sink())).toMatchObject({ ok: false });
});

test('a gateway and its clone at two sinks are told apart by who comes back after the other', async () => {
  const stage = new Stage();
  const gateway = stage.gateway();
  const [first, second] = [await stage.sink(), await stage.sink()];
  const open = ({ sink }: typeof first, agent: string) =>
    stage.until(sink.openRun(gateway.name, gateway.info, gateway.acked, agent));
  const told = async ({ sink }: typeof first) => {
    await stage.until(sink.flush());
    const log = stage.kafka.topic('edgelog.events')?.partitions.flatMap((partition) => partition.log) ?? [];
    return log.flatMap(({ bytes }) =>
      Array.from(iterateRecords(bytes), ({ value }) => JSON.parse(String(value)) as EdgelogEvent),
    );
  };
  // From one sink to another and back, a new process, and back again.
  for (const [at, agent] of [
    [first, 'one'],
    [second, 'one'],
    [first, 'one'],
    [second, 'two'],
    [first, 'two'],
  ] as const) {
    await open(at, agent);
  }
  expect(await told(first)).toEqual([]);
  for (let turn = 0; turn < 3; turn++)
    for (const at of [first, second]) await open(at, at === first ? 'two' : 'three');
  expect(new Set((await told(second)).map(({ id }) => id)).size).toBe(2);
  expect(await told(first)).toContainEqual(
    expect.objectContaining({
      ...{ event: 'duplicate-gateway', gateway: gateway.name },
      ...{ holder: { instance: 'three' }, refused: { instance: 'two' } },
    }),
  );
});
