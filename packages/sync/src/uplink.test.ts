import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import { EdgelogError } from '@edgelog/base';
import { agentStore, hubStore, numbers, silent, until } from '@edgelog/sim';
import { expect, onTestFinished, test } from 'vitest';
import type { AgentPort, UplinkStream } from './ports.ts';
import { startSyncServer } from './server.ts';
import { startUplink } from './uplink.ts';
import type { UplinkOptions } from './uplink-types.ts';
import { UploadWindows } from './upload-windows.ts';

async function serve(hub: ReturnType<typeof hubStore>, tuning = {}): Promise<number> {
  const server = await startSyncServer({ host: '127.0.0.1', port: 0, log: silent, hub, tuning });
  onTestFinished(() => server.close());
  return server.port;
}

function start(port: number, options: Partial<UplinkOptions> & Pick<UplinkOptions, 'port'>) {
  const uplink = startUplink({
    urls: [`ws://127.0.0.1:${port}`],
    log: silent,
    ...options,
    tuning: { backoffMinMs: 10, backoffMaxMs: 50, ...options.tuning },
  });
  onTestFinished(() => uplink.stop());
  return uplink;
}

/** A line that can go dead: nothing comes through any more, and nobody is told. */
async function relayTo(port: number) {
  const sockets: Socket[] = [];
  const server = createServer((from) => {
    const to = dial({ port, host: '127.0.0.1' });
    for (const socket of [from, to]) {
      sockets.push(socket);
      socket.on('error', () => {});
    }
    from.pipe(to).pipe(from);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    cut: () => {
      for (const socket of sockets.splice(0)) {
        socket.unpipe();
        socket.pause();
      }
    },
  };
}

/** The port with one stream marked. */
function withPriority(store: ReturnType<typeof agentStore>, topic: string, priority: number): AgentPort {
  return {
    identity: store.identity,
    unconfirmedGaps: () => store.unconfirmedGaps(),
    gapConfirmed: (gap) => store.gapConfirmed(gap),
    *streams(): Iterable<UplinkStream> {
      for (const stream of store.streams())
        yield stream.run.topic === topic
          ? Object.defineProperty(stream, 'priority', { value: priority })
          : stream;
    },
  };
}

test('a network that goes dead without a word is noticed in seconds, and the uplink comes back', async () => {
  const [hub, store] = [hubStore(), agentStore()];
  const relay = await relayTo(await serve(hub));
  const uplink = start(relay.port, { port: store, tuning: { pingIntervalMs: 100 } });
  await until(() => uplink.status().state === 'live', 'connected');
  relay.cut();
  await store.ingest(0, numbers(0, 5));
  uplink.notify();
  await until(() => store.stored()[0]!.drained, 'all is acknowledged over a new connection');
  expect(uplink.status().lastError).toMatch(/nothing heard/);
  expect(hub.batches.flatMap(({ records }) => records)).toEqual(numbers(0, 5));
});

test('a capped uplink keeps to its cap, and what is urgent goes first', async () => {
  const [hub, store] = [hubStore(), agentStore({ topics: ['bulk', 'alarms'], paddingBytes: 1_000 })];
  for (let n = 0; n < 300; n++) void store.ingest(0, [n]);
  await store.ingest(0, [300]);
  const maxBytesPerSecond = 200_000;
  const uplink = start(await serve(hub), {
    port: withPriority(store, 'alarms', 10),
    maxBytesPerSecond,
    tuning: { readWindowBytes: 8_000 },
  });
  await until(() => hub.batches.length > 10, 'the backlog flows');
  const startedAt = performance.now();
  const before = uplink.status().sentBytes;
  await until(() => uplink.isCongestedFor(0), 'the backlog waits for the cap');
  expect(uplink.isCongestedFor(10)).toBe(false);
  await store.ingest(1, [1_000_000]);
  uplink.notify();
  await until(() => store.stored().every(({ drained }) => drained), 'all is acknowledged');
  const seconds = (performance.now() - startedAt) / 1000;
  expect(uplink.status().sentBytes - before).toBeLessThan(maxBytesPerSecond * (seconds + 0.6));
  const records = hub.batches.flatMap((batch) => batch.records);
  expect(records.indexOf(1_000_000)).toBeLessThan(290);
});

test('outside the upload windows only what is urgent goes; the rest waits, and the status says until when', async () => {
  const [hub, store] = [hubStore(), agentStore({ topics: ['bulk', 'alarms'] })];
  await store.ingest(0, [1]);
  await store.ingest(1, [2]);
  const inThreeHours = new Date(Date.now() + 3 * 3_600_000).getUTCHours();
  const allowed = new UploadWindows([`${inThreeHours}:00-${inThreeHours}:30`], 'UTC');
  const uplink = start(await serve(hub), {
    port: withPriority(store, 'alarms', 10),
    windows: { allowed, urgentPriority: 5 },
  });
  await until(() => store.stored()[1]!.drained, 'the alarm is through');
  expect(hub.batches.flatMap(({ records }) => records)).toEqual([2]);
  const { window } = uplink.status();
  expect(window).toMatchObject({ isOpen: false, urgentPriority: 5 });
  expect(window!.changesAt! - Date.now()).toBeGreaterThan(3_600_000);
});

test('a route that cannot be taken now is asked for again', async () => {
  const [hub, store] = [hubStore(), agentStore()];
  let asked = 0;
  const uplink = start(await serve(hub), {
    port: store,
    route: () => {
      if (asked++ < 2) throw new EdgelogError('CONFIG_INVALID', 'hub.pem cannot be read');
      return {};
    },
  });
  await until(() => uplink.status().lastError === 'hub.pem cannot be read', 'the reason is told');
  await until(() => uplink.status().state === 'live', 'connected');
});

test('a session that lasts for months goes on handing out the hub’s time', async () => {
  const told: number[] = [];
  const uplink = start(await serve(hubStore(), { pingIntervalMs: 20 }), {
    port: agentStore(),
    onHubTime: (hubTimeMs, roundTripMs) => told.push(hubTimeMs + roundTripMs / 2 - Date.now()),
    tuning: { hubTimeEveryMs: 50, pingIntervalMs: 20 },
  });
  await until(() => told.length >= 4, 'told again and again');
  expect(Math.max(...told.map(Math.abs))).toBeLessThan(5_000);
  expect(uplink.status().connections).toBe(1);
});
