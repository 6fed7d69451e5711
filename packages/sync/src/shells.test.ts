import { agentStore, hubStore, listening, numbers, silent, until } from '@edgelog/sim';
import { afterEach, describe, expect, test } from 'vitest';
import { startSyncServer } from './server.ts';
import type { SyncServer, SyncServerOptions } from './server-types.ts';
import { startUplink } from './uplink.ts';
import type { Uplink, UplinkOptions } from './uplink-types.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(
  options: Partial<SyncServerOptions> & Pick<SyncServerOptions, 'hub'>,
): Promise<SyncServer> {
  const server = await startSyncServer({ host: '127.0.0.1', port: 0, log: silent, ...options });
  cleanups.push(() => server.close());
  return server;
}

function connect(
  server: { port: number },
  options: Partial<UplinkOptions> & Pick<UplinkOptions, 'port'>,
): Uplink {
  const uplink = startUplink({
    urls: [`ws://127.0.0.1:${server.port}`],
    log: silent,
    ...options,
    tuning: { backoffMinMs: 10, backoffMaxMs: 50, ...options.tuning },
  });
  cleanups.push(() => uplink.stop());
  return uplink;
}

const recordsAt = (hub: ReturnType<typeof hubStore>) => hub.batches.flatMap((batch) => batch.records);

describe('uplink and sync server over loopback', () => {
  test('what was sealed before and after the connection arrives once, in order, and is acknowledged', async () => {
    const [hub, store] = [hubStore(), agentStore()];
    for (let n = 0; n < 50; n++) await store.ingest(0, numbers(n * 10, 10));
    const server = await serve({ hub });
    const uplink = connect(server, { port: store });
    for (let n = 50; n < 100; n++) {
      await store.ingest(0, numbers(n * 10, 10));
      uplink.notify();
    }
    await until(() => store.stored()[0]!.drained, 'everything is acknowledged');
    expect(recordsAt(hub)).toEqual(numbers(0, 1000));
    const status = uplink.status();
    expect(status).toMatchObject({
      state: 'live',
      hubId: 'hub-sim',
      sentBatches: 100,
      ackedBatches: 100,
      inFlightBytes: 0,
    });
    expect(server.status().gateways).toMatchObject([{ gateway: 'gw', state: 'live', receivedBatches: 100 }]);
  });

  test('connections cut in mid-flight, over and over: nothing lost, nothing doubled', async () => {
    const [hub, store] = [hubStore({ commitMsMax: 5 }), agentStore({ paddingBytes: 2000 })];
    for (let n = 0; n < 400; n++) void store.ingest(0, numbers(n * 5, 5));
    await store.ingest(0, numbers(2000, 5));
    const server = await serve({ hub, tuning: { creditBytes: 64 * 1024, maxFrameBytes: 32 * 1024 } });
    const uplink = connect(server, { port: store });
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
    const uplink = connect(await serve({ hub }), { port: store });
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
    const server = await serve({ hub, tuning: { creditBytes, maxFrameBytes: creditBytes } });
    const uplink = connect(server, { port: store });
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
    const server = await serve({ hub, tuning: { creditBytes: 128 * 1024, maxFrameBytes: 64 * 1024 } });
    connect(server, { port: store, tuning: { readWindowBytes: 32 * 1024 } });
    await until(() => store.stored().every((log) => log.drained), 'both are drained');
    expect(recordsAt(hub).indexOf(1_000_000)).toBeLessThan(100);
  });

  test('a stream with an illegal topic is refused and named; the others flow', async () => {
    const refusals: string[] = [];
    const hub = hubStore({ illegalTopics: ['bad topic'] });
    const store = agentStore(
      { topics: ['bad topic', 'good'] },
      { refused: (run, code) => refusals.push(`${run.topic}: ${code}`) },
    );
    await store.ingest(0, [1]);
    await store.ingest(1, [2]);
    const server = await serve({ hub });
    const uplink = connect(server, { port: store });
    await until(() => store.stored()[1]!.drained && refusals.length > 0, 'the good one is drained');
    expect(refusals).toEqual(['bad topic: illegal-topic']);
    expect(uplink.status().streams.find((stream) => stream.topic === 'bad topic')).toMatchObject({
      state: 'refused',
      reason: expect.stringContaining('illegal-topic'),
    });
    expect(recordsAt(hub)).toEqual([2]);
  });

  test('a hub whose disk was wiped: reported, new run, the loss declared as a gap, what is left sent again', async () => {
    const reasons: string[] = [];
    const [hub, log] = [hubStore(), listening()];
    const store = agentStore({ keepAcked: 3 }, { diverged: (_run, reason) => reasons.push(reason) });
    const server = await serve({ hub });
    const uplink = connect(server, { port: store, log });
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
    const server = await serve({ hub });
    const uplink = connect(server, { port: store });
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
    const [hub, store] = [hubStore(), agentStore({}, { diverged: (_run, reason) => reasons.push(reason) })];
    const server = await serve({ hub });
    const uplink = connect(server, { port: store });
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
    expect(recordsAt(hub)).toEqual([...numbers(0, 10), 100, 101, 102]);
  });

  test('many gateways that drain at once share what the hub holds in memory, and all get through', async () => {
    const hub = hubStore({ commitMsMax: 100 });
    const [intakeBytes, gateways] = [32 * 1024, 20];
    const server = await serve({ hub, tuning: { intakeBytes } });
    const stores = Array.from({ length: gateways }, (_, i) =>
      agentStore({ gateway: `gw${i}`, paddingBytes: 2000 }),
    );
    await Promise.all(stores.flatMap((store) => numbers(0, 150).map((n) => store.ingest(0, [n]))));
    const uplinks = stores.map((store) => connect(server, { port: store }));
    let most = 0;
    await until(() => {
      const taken = server.status().gateways.map(({ uncommittedBytes }) => uncommittedBytes);
      most = Math.max(
        most,
        taken.reduce((sum, bytes) => sum + bytes, 0),
      );
      return stores.every((store) => store.stored()[0]?.drained);
    }, 'all is acknowledged');
    expect(most).toBeGreaterThan(intakeBytes / 2);
    expect(most).toBeLessThan(intakeBytes + gateways * 64 * 1024);
    expect(uplinks.map((uplink) => uplink.status().connections)).toEqual(stores.map(() => 1));
    expect(hub.batches).toHaveLength(gateways * 150);
  });

  test('identical client ids kick each other (rtl_433): of two live instances under one name the first stays, the second is refused by name and stays away', async () => {
    const hub = hubStore();
    const [original, clone] = [agentStore(), agentStore()];
    clone.identity.instance = 'gw-clone';
    const server = await serve({ hub });
    const first = connect(server, { port: original });
    await until(() => first.status().state === 'live', 'the original is live');
    const second = connect(server, { port: clone });
    await until(() => second.status().state === 'refused', 'the clone is refused');
    expect(first.status().state).toBe('live');
    expect(second.status().refusal).toMatchObject({
      code: 'duplicate-instance',
      message: expect.stringMatching(
        /gw-0 at 127\.0\.0\.1:\d+ is live, instance gw-clone at 127\.0\.0\.1:\d+/,
      ),
    });
    expect(server.status().duplicates).toMatchObject([
      { gateway: 'gw', holder: { instance: 'gw-0' }, refused: { instance: 'gw-clone' }, count: 1 },
    ]);
  });

  test('the hub goes away and comes back on the same port: the uplink resumes', async () => {
    const [hub, store] = [hubStore(), agentStore()];
    const server = await startSyncServer({ host: '127.0.0.1', port: 0, log: silent, hub });
    const uplink = connect(server, { port: store });
    await store.ingest(0, [0]);
    uplink.notify();
    await until(() => store.stored()[0]!.drained, 'first part');
    await server.close();
    await until(() => uplink.status().lastError !== undefined, 'the uplink noticed');
    await store.ingest(0, [1]);
    uplink.notify();
    await serve({ hub, port: server.port });
    await until(() => store.stored()[0]!.drained, 'second part');
    expect(recordsAt(hub)).toEqual([0, 1]);
  });

  test('of several URLs the next is tried at once when one is dead', async () => {
    const [hub, store] = [hubStore(), agentStore()];
    const gone = await startSyncServer({ host: '127.0.0.1', port: 0, log: silent, hub });
    await gone.close();
    const server = await serve({ hub });
    const dead = `ws://127.0.0.1:${gone.port}`;
    const urls = [dead, dead, dead, `ws://127.0.0.1:${server.port}`];
    const tuning = { backoffMinMs: 1, backoffMaxMs: 3_600_000 };
    const uplink = connect(server, { port: store, urls, tuning });
    await until(() => uplink.status().state === 'live', 'connected to the one that lives');
    await server.close();
    await until(() => uplink.status().connections > 8, 'all others are tried again');
  });

  test('a leader that moves in mid-flight costs no connection and no record, and nobody is alarmed', async () => {
    const log = listening();
    const [hub, store] = [hubStore({ commitMsMax: 20 }), agentStore({ paddingBytes: 500 })];
    for (let n = 0; n < 300; n++) void store.ingest(0, numbers(n * 5, 5));
    await store.ingest(0, [1500]);
    const server = await serve({ hub, tuning: { creditBytes: 16 * 1024, maxFrameBytes: 16 * 1024 } });
    const uplink = connect(server, { port: store, log });
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

  test('an outage is one line in the log, however often the uplink tries, and the next one another', async () => {
    const [hub, store] = [hubStore(), agentStore()];
    const first = await startSyncServer({ host: '127.0.0.1', port: 0, log: silent, hub });
    const { port } = first;
    await first.close();
    let tries = 0;
    const log = { ...listening(), debug: () => void tries++ };
    const uplink = connect({ port }, { port: store, log });
    await until(() => tries >= 3, 'it tried again and again');
    expect(log.said).toMatchObject([{ event: 'not connected to the hub' }]);
    const server = await startSyncServer({ host: '127.0.0.1', port, log: silent, hub });
    await until(() => uplink.status().state === 'live', 'connected');
    await server.close();
    await until(() => log.said.length > 1, 'the next outage is told');
  });
});
