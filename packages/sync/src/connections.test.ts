import { EdgelogError } from '@edgelog/base';
import { agentStore, hubStore, listening, numbers, silent, until } from '@edgelog/sim';
import { afterEach, describe, expect, test } from 'vitest';
import { inProcess } from './in-process.ts';
import type { HubPort } from './ports.ts';
import { startSyncServer } from './server.ts';
import { startUplink } from './uplink.ts';
import type { Uplink, UplinkOptions } from './uplink-types.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Limits {
  creditBytes: number;
  maxFrameBytes: number;
}
type Given = Partial<UplinkOptions> & Pick<UplinkOptions, 'port'>;

function begin(urls: string[], options: Given): Uplink {
  const tuning = { backoffMinMs: 10, backoffMaxMs: 50, ...options.tuning };
  const uplink = startUplink({ urls, log: silent, ...options, tuning });
  cleanups.push(() => uplink.stop());
  return uplink;
}

async function overWebSocket(hub: HubPort, options: Given, limits?: Limits): Promise<Uplink> {
  const server = await startSyncServer({
    host: '127.0.0.1',
    port: 0,
    log: silent,
    hub,
    ...(limits && { tuning: limits }),
  });
  cleanups.push(() => server.close());
  return begin([`ws://127.0.0.1:${server.port}`], options);
}

async function inThisProcess(hub: HubPort, options: Given, limits?: Limits): Promise<Uplink> {
  const connect = inProcess({ reach: async () => hub, log: silent, limits });
  return begin(['kafka://anywhere'], { ...options, connect });
}

const recordsAt = (hub: ReturnType<typeof hubStore>) => hub.batches.flatMap((batch) => batch.records);

describe.each([
  { over: 'over a WebSocket', connect: overWebSocket },
  { over: 'in one process', connect: inThisProcess },
])('an uplink $over', ({ connect }) => {
  test('connections cut in mid-flight, over and over: nothing lost, nothing doubled', async () => {
    const [hub, store] = [hubStore({ commitMsMax: 5 }), agentStore({ paddingBytes: 2000 })];
    for (let n = 0; n < 400; n++) void store.ingest(0, numbers(n * 5, 5));
    await store.ingest(0, numbers(2000, 5));
    const limits = { creditBytes: 64 * 1024, maxFrameBytes: 32 * 1024 };
    const uplink = await connect(hub, { port: store }, limits);
    let cuts = 0;
    while (!store.stored()[0]!.drained) {
      await new Promise((resolve) => setTimeout(resolve, 15));
      if (cuts++ < 15) {
        uplink.setPaused(true);
        uplink.setPaused(false);
      }
    }
    expect(uplink.status().connections).toBeGreaterThan(10);
    expect(recordsAt(hub)).toEqual(numbers(0, 2005));
  });

  test('150 MB took 12 h to resend (NanoMQ), one connection per batch over satellite (Telegraf): one session carries all, many batches under way at once', async () => {
    const [hub, store] = [hubStore({ commitMsMax: 50 }), agentStore({ paddingBytes: 2000 })];
    for (let n = 0; n < 300; n++) await store.ingest(0, numbers(n, 1));
    // Four batches at a time: many are under way only because nobody waits for the acknowledgement of those before.
    const uplink = await connect(hub, { port: store, tuning: { readWindowBytes: 9_000 } });
    let inFlightMost = 0;
    await until(() => {
      inFlightMost = Math.max(inFlightMost, uplink.status().inFlightBytes);
      return store.stored()[0]!.drained;
    }, 'everything is acknowledged');
    expect(inFlightMost).toBeGreaterThan(20 * 2000);
    expect(uplink.status().connections).toBe(1);
    expect(recordsAt(hub)).toEqual(numbers(0, 300));
  });

  test('never more unacknowledged bytes in flight than credit', async () => {
    const [hub, store] = [hubStore({ commitMsMax: 3 }), agentStore({ paddingBytes: 500 })];
    for (let n = 0; n < 500; n++) void store.ingest(0, numbers(n * 5, 5));
    await store.ingest(0, [2500]);
    const creditBytes = 16 * 1024;
    const limits = { creditBytes, maxFrameBytes: creditBytes };
    const uplink = await connect(hub, { port: store }, limits);
    let most = 0;
    while (!store.stored()[0]!.drained) {
      most = Math.max(most, uplink.status().inFlightBytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(most).toBeGreaterThan(creditBytes / 2);
    expect(most).toBeLessThanOrEqual(creditBytes);
  });

  test('streams take turns: a long backlog does not hold up a short stream', async () => {
    const [hub, store] = [hubStore(), agentStore({ topics: ['long', 'short'], paddingBytes: 4000 })];
    for (let n = 0; n < 400; n++) void store.ingest(0, numbers(n * 4, 4));
    await store.ingest(1, numbers(1_000_000, 4));
    const limits = { creditBytes: 128 * 1024, maxFrameBytes: 64 * 1024 };
    await connect(hub, { port: store, tuning: { readWindowBytes: 32 * 1024 } }, limits);
    await until(() => store.stored().every((log) => log.drained), 'both are drained');
    expect(recordsAt(hub).indexOf(1_000_000)).toBeLessThan(100);
  });

  test('a stream with an illegal topic is refused and named; the others flow', async () => {
    const refusals: string[] = [];
    const incidents: unknown[] = [];
    const incident = (told: unknown) => incidents.push(told);
    const hub = Object.assign(hubStore({ illegalTopics: ['bad topic'] }), { incident });
    const store = agentStore(
      { topics: ['bad topic', 'good'] },
      { refused: (run, code) => refusals.push(`${run.topic}: ${code}`) },
    );
    await store.ingest(0, [1]);
    await store.ingest(1, [2]);
    const uplink = await connect(hub, { port: store });
    await until(() => store.stored()[1]!.drained && refusals.length > 0, 'the good one is drained');
    expect(refusals).toEqual(['bad topic: illegal-topic']);
    expect(uplink.status().streams.find((stream) => stream.topic === 'bad topic')).toMatchObject({
      state: 'refused',
      reason: expect.stringContaining('illegal-topic'),
    });
    expect(incidents).toMatchObject([
      { type: 'refusal', gateway: 'gw', run: { topic: 'bad topic' }, code: 'illegal-topic' },
    ]);
    expect(recordsAt(hub)).toEqual([2]);
  });

  test('a hub whose disk was wiped: reported, new run, the loss declared as a gap, what is left sent again', async () => {
    const reasons: string[] = [];
    const [hub, log] = [hubStore(), listening()];
    const store = agentStore({ keepAcked: 3 }, { diverged: (_run, reason) => reasons.push(reason) });
    const uplink = await connect(hub, { port: store, log });
    for (let n = 0; n < 10; n++) await store.ingest(0, [n]);
    uplink.notify();
    await until(() => store.stored()[0]!.drained, 'first part');
    uplink.setPaused(true);
    hub.restore();
    for (let n = 10; n < 15; n++) await store.ingest(0, [n]);
    uplink.setPaused(false);
    await until(() => store.stored()[0]!.drained, 'second part');
    expect(reasons).toEqual(['hub-lost-data']);
    expect(recordsAt(hub)).toEqual(numbers(7, 8));
    expect(hub.gaps).toMatchObject([{ from: 0, to: 7, reason: 'hub-lost-data' }]);
    expect(uplink.status().divergences).toMatchObject([{ topic: 'telemetry', reason: 'hub-lost-data' }]);
    expect(log.said.map(({ event }) => event)).toContain('data is lost for good');
  });

  test('a hub restored to an older copy gets what it lost again, if it is still here', async () => {
    const [hub, store] = [hubStore(), agentStore({ keepAcked: 100 })];
    const uplink = await connect(hub, { port: store });
    for (let n = 0; n < 10; n++) await store.ingest(0, [n]);
    uplink.notify();
    await until(() => store.stored()[0]!.drained, 'first part');
    const copy = hub.backup();
    for (let n = 10; n < 20; n++) await store.ingest(0, [n]);
    uplink.notify();
    await until(() => store.stored()[0]!.drained, 'second part');
    uplink.setPaused(true);
    hub.restore(copy);
    await store.ingest(0, [20]);
    uplink.setPaused(false);
    await until(() => store.stored()[0]!.drained && hub.batches.length >= 21, 'third part');
    expect(recordsAt(hub)).toEqual(numbers(0, 21));
    expect(hub.gaps).toEqual([]);
  });

  test('a gateway restored to an older copy: what the hub has is kept, a new run begins', async () => {
    const reasons: string[] = [];
    const incidents: unknown[] = [];
    const hub = Object.assign(hubStore(), { incident: (incident: unknown) => incidents.push(incident) });
    const store = agentStore({}, { diverged: (_run, reason) => reasons.push(reason) });
    const uplink = await connect(hub, { port: store });
    for (let n = 0; n < 5; n++) await store.ingest(0, [n]);
    uplink.notify();
    await until(() => store.backup().logs[0]!.runs[0]!.acked?.next === 5, 'first part, also on disk');
    const copy = store.backup();
    for (let n = 5; n < 10; n++) await store.ingest(0, [n]);
    uplink.notify();
    await until(() => store.stored()[0]!.drained, 'second part');
    uplink.setPaused(true);
    store.restore(copy);
    for (let n = 100; n < 103; n++) await store.ingest(0, [n]);
    uplink.setPaused(false);
    await until(() => store.stored()[0]!.drained, 'third part');
    expect(reasons).toEqual(['hub-ahead']);
    expect(incidents).toMatchObject([{ type: 'divergence', gateway: 'gw', reason: 'hub-ahead' }]);
    expect(recordsAt(hub)).toEqual([...numbers(0, 10), 100, 101, 102]);
  });

  test('a leader that moves in mid-flight costs no connection and no record, and nobody is alarmed', async () => {
    const log = listening();
    const [hub, store] = [hubStore({ commitMsMax: 20 }), agentStore({ paddingBytes: 500 })];
    for (let n = 0; n < 300; n++) void store.ingest(0, numbers(n * 5, 5));
    await store.ingest(0, [1500]);
    const limits = { creditBytes: 16 * 1024, maxFrameBytes: 16 * 1024 };
    const uplink = await connect(hub, { port: store, log }, limits);
    for (let moves = 0; moves < 3; moves++) {
      const sent = hub.batches.length;
      await until(() => hub.batches.length > sent + 20, 'data flows');
      hub.moveLeader(moves, 50);
    }
    await until(() => store.stored()[0]!.drained, 'everything is acknowledged');
    expect(recordsAt(hub)).toEqual(numbers(0, 1501));
    expect(uplink.status().connections).toBe(1);
    expect(log.said).toEqual([]);
  });
});

describe('in one process', () => {
  const refused = { ok: false, code: 'unauthorized', message: 'who are you?' } as const;
  const unreachable = () => new EdgelogError('CONNECTION_LOST', 'nobody listens at b:9092');

  test('a port that is not reached is why there is no session, and it is asked again', async () => {
    const [hub, store] = [hubStore(), agentStore()];
    await store.ingest(0, [1]);
    let isThere = false;
    const reach = async () => {
      if (isThere) return hub;
      throw unreachable();
    };
    const uplink = begin([''], { port: store, connect: inProcess({ reach, log: silent }) });
    await until(() => uplink.status().connections > 3, 'it is asked again');
    expect(uplink.status()).toMatchObject({ lastError: 'nobody listens at b:9092', hubId: undefined });
    isThere = true;
    await until(() => store.stored()[0]!.drained, 'everything is acknowledged');
  });

  test('brokers that fail in turn are told of once each in an outage', async () => {
    const log = listening();
    let attempts = 0;
    const reach = async () => {
      throw new EdgelogError('CONNECTION_LOST', `kafka-${attempts++ % 3} did not answer`);
    };
    begin([''], { port: agentStore(), log, connect: inProcess({ reach, log: silent }) });
    await until(() => attempts > 8, 'each was asked again');
    expect(log.said.map(({ fields }) => fields?.reason)).toEqual([
      'kafka-0 did not answer',
      'kafka-1 did not answer',
      'kafka-2 did not answer',
    ]);
  });

  test('a port that is not reached any more ends the session, though nothing is to be sent', async () => {
    let answers = 3;
    const reach = async () => {
      if (answers-- > 0) return hubStore0;
      throw unreachable();
    };
    const hubStore0 = hubStore();
    const connect = inProcess({ reach, log: silent, checkEveryMs: 20 });
    const uplink = begin([''], { port: agentStore(), connect, tuning: { backoffMinMs: 3_600_000 } });
    await until(() => uplink.status().state === 'live', 'a session');
    await until(() => uplink.status().state === 'waiting', 'its end');
    expect(uplink.status()).toMatchObject({ lastError: 'nobody listens at b:9092', connections: 1 });
    expect(uplink.status().roundTripMs).toBeGreaterThanOrEqual(0);
  });

  test('a stream that cannot be taken has the port asked soon', async () => {
    const hub = hubStore();
    hub.openRun = async () => ({ ok: false, code: 'not-available', message: 'no leader' });
    let answers = 1;
    const reach = async () => {
      if (answers-- > 0) return hub;
      throw unreachable();
    };
    const connect = inProcess({ reach, log: silent, checkEveryMs: 3_600_000 });
    const uplink = begin([''], { port: agentStore(), connect, tuning: { backoffMinMs: 3_600_000 } });
    await until(() => uplink.status().state === 'waiting', 'the end of the session');
    expect(uplink.status().lastError).toBe('nobody listens at b:9092');
  });

  test.each([
    { when: 'at once', answers: 0 },
    { when: 'in a session', answers: 1 },
  ])('a refusal of the whole gateway $when keeps it away, and is told', async ({ answers }) => {
    const told: unknown[] = [];
    let left = answers;
    const hub = hubStore();
    const connect = inProcess({
      reach: async () => (left-- > 0 ? hub : refused),
      log: silent,
      checkEveryMs: 10,
    });
    const onRefusal = (refusal: unknown) => told.push(refusal);
    const uplink = begin([''], { port: agentStore(), connect, onRefusal });
    await until(() => uplink.status().state === 'refused', 'the refusal');
    expect(told).toEqual([{ code: 'unauthorized', message: 'who are you?' }]);
    expect(uplink.status()).toMatchObject({ connections: 1, refusal: { code: 'unauthorized' } });
  });

  test("this machine's own clock is not told as a hub's", async () => {
    const told: number[] = [];
    const connect = inProcess({ reach: async () => hubStore(), log: silent });
    const uplink = begin([''], { port: agentStore(), connect, onHubTime: (ms) => told.push(ms) });
    await until(() => uplink.status().state === 'live', 'a session');
    expect(uplink.status()).toMatchObject({ hubClockOffsetMs: undefined, roundTripMs: undefined });
    expect(told).toEqual([]);
  });

  test('neither side is called while it calls the other', async () => {
    const [hub, store] = [hubStore({ commitMsMax: 0 }), agentStore()];
    for (let n = 0; n < 50; n++) await store.ingest(0, [n]);
    let [depth, most] = [0, 0];
    const guarded =
      <A extends unknown[], R>(call: (...given: A) => R) =>
      (...given: A): R => {
        most = Math.max(most, ++depth);
        const result = call(...given);
        depth--;
        return result;
      };
    const port: HubPort = {
      hubId: 'h',
      openRun: guarded((gateway, run) => hub.openRun(gateway, run)),
      append: guarded((producerId, batch) => hub.append(producerId, batch)),
      recordGap: guarded((gateway, gap) => hub.recordGap(gateway, gap)),
    };
    const connect = inProcess({ reach: async () => port, log: silent });
    begin([''], {
      port: store,
      connect: (url, route, tuning, events) =>
        connect(url, route, tuning, { ...events, frame: guarded(events.frame) }),
    });
    await until(() => store.stored()[0]!.drained, 'everything is acknowledged');
    expect(most).toBe(1);
    expect(recordsAt(hub)).toEqual(numbers(0, 50));
  });
});
