import { agentStore, freePorts, hubStore, listening, numbers, silent, until } from '@edgelog/sim';
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
    const incidents: unknown[] = [];
    const hub = Object.assign(hubStore(), { incident: (incident: unknown) => incidents.push(incident) });
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
    expect(incidents).toMatchObject([
      { type: 'duplicate-gateway', gateway: 'gw', refused: { instance: 'gw-clone' } },
    ]);
  });

  test('the hub goes away and comes back on the same port: the uplink resumes', async () => {
    const [hub, store] = [hubStore(), agentStore()];
    const [port] = await freePorts(1);
    const server = await startSyncServer({ host: '127.0.0.1', port: port!, log: silent, hub });
    const uplink = connect(server, { port: store });
    await store.ingest(0, [0]);
    uplink.notify();
    await until(() => store.stored()[0]!.drained, 'first part');
    await server.close();
    await until(() => uplink.status().lastError !== undefined, 'the uplink noticed');
    await store.ingest(0, [1]);
    uplink.notify();
    await serve({ hub, port: port! });
    await until(() => store.stored()[0]!.drained, 'second part');
    expect(recordsAt(hub)).toEqual([0, 1]);
  });

  test('of several URLs the next is tried at once when one is dead', async () => {
    const [hub, store] = [hubStore(), agentStore()];
    const [gone] = await freePorts(1);
    const server = await serve({ hub });
    const dead = `ws://127.0.0.1:${gone}`;
    const urls = [dead, dead, dead, `ws://127.0.0.1:${server.port}`];
    const tuning = { backoffMinMs: 1, backoffMaxMs: 3_600_000 };
    const uplink = connect(server, { port: store, urls, tuning });
    await until(() => uplink.status().state === 'live', 'connected to the one that lives');
    await server.close();
    await until(() => uplink.status().connections > 8, 'all others are tried again');
  });

  test('an outage is one line in the log, however often the uplink tries, and the next one another', async () => {
    const [hub, store] = [hubStore(), agentStore()];
    const [port] = (await freePorts(1)) as [number];
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
