import { once } from 'node:events';
import { agentStore, hubStore, silent, until } from '@edgelog/sim';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { encodeFrame } from './frames/codec.ts';
import { startSyncServer } from './server.ts';
import type { GatewayDirectory, SyncServer, SyncServerTuning } from './server-types.ts';
import { startUplink } from './uplink.ts';
import type { Uplink } from './uplink-types.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Asks the other broker, whatever the name. */
class Neighbour implements GatewayDirectory {
  readonly here = new Set<string>();
  released = 0;
  other: SyncServer | undefined;
  /** Claims wait for it. */
  gate: Promise<void> | undefined;

  async claim(gateway: string, claim: { instance: string; remote: string }): Promise<string | undefined> {
    await this.gate;
    const refusal = await this.other?.challenge(gateway, claim);
    if (refusal === undefined) this.here.add(`${gateway} ${claim.instance}`);
    return refusal;
  }

  release(gateway: string, instance: string): void {
    this.released++;
    this.here.delete(`${gateway} ${instance}`);
  }
}

async function broker(tuning: Partial<SyncServerTuning> = {}) {
  const directory = new Neighbour();
  const hub = hubStore();
  const server = await startSyncServer({ host: '127.0.0.1', port: 0, log: silent, hub, directory, tuning });
  cleanups.push(() => server.close());
  return { server, directory, url: `ws://127.0.0.1:${server.port}` };
}

async function twoBrokers(tuning: Partial<SyncServerTuning> = {}) {
  const [one, two] = [await broker(tuning), await broker(tuning)];
  one.directory.other = two.server;
  two.directory.other = one.server;
  return [one, two] as const;
}

function agent(instance: string, urls: string[]): Uplink {
  const port = agentStore();
  port.identity.instance = instance;
  const tuning = { backoffMinMs: 10, backoffMaxMs: 50 };
  const uplink = startUplink({ urls, port, log: silent, tuning });
  cleanups.push(() => uplink.stop());
  return uplink;
}

const isLive = (uplink: Uplink) => () => uplink.status().state === 'live';

describe('two brokers of one hub', () => {
  test('a clone that connects to the other broker is refused by name, and the original goes on', async () => {
    const [one, two] = await twoBrokers();
    const original = agent('original', [one.url]);
    await until(isLive(original), 'the original is live');
    const clone = agent('clone', [two.url]);
    await until(() => clone.status().state === 'refused', 'the clone is refused');
    expect(clone.status().refusal).toMatchObject({
      code: 'duplicate-instance',
      message: expect.stringMatching(/original at 127.* is live, instance clone at 127/),
    });
    expect(original.status()).toMatchObject({ state: 'live', connections: 1 });
    expect(one.server.status().duplicates).toMatchObject([{ gateway: 'gw', count: 1 }]);
    expect(two.directory.here.size).toBe(0);
  });

  test('an agent that moved is let in at once, and its session at the first broker ends', async () => {
    const [one, two] = await twoBrokers();
    const before = agent('same', [one.url]);
    await until(isLive(before), 'live at the first');
    const after = agent('same', [two.url]);
    await until(isLive(after), 'live at the second');
    await until(() => before.status().lastError !== undefined, 'the first session is over');
    expect(before.status().lastError).toMatch(/shutting-down/);
  });

  test('who gives no sign of life at the first broker loses the name to an instance at the second', async () => {
    const [one, two] = await twoBrokers({ probeTimeoutMs: 200 });
    const mute = new WebSocket(one.url);
    cleanups.push(async () => mute.terminate());
    mute.pong = () => {};
    await once(mute, 'open');
    mute.send(
      encodeFrame({ type: 'hello', version: 1, gateway: 'gw', instance: 'mute', agentVersion: '1', time: 0 }),
    );
    await once(mute, 'message');
    const restarted = agent('restarted', [two.url]);
    await until(isLive(restarted), 'the restarted one is live');
    expect(one.server.status().gateways).toEqual([]);
  });

  test('a broker that drains sends its agents to the others and takes none', async () => {
    const [one, two] = await twoBrokers();
    one.directory.other = undefined;
    two.directory.other = undefined;
    const uplink = agent('a', [one.url, two.url]);
    await until(isLive(uplink), 'live somewhere');
    const [from, to] = uplink.status().url === one.url ? [one, two] : [two, one];
    await from.server.drain();
    await until(() => isLive(uplink)() && uplink.status().url === to.url, 'live at the other');
    expect(from.server.status().gateways).toEqual([]);
    expect(from.directory.here.size).toBe(0);
    const late = agent('late', [from.url]);
    await until(() => /shutting-down/.test(late.status().lastError ?? ''), 'a newcomer is sent on');
  });

  test.each([[['telemetry']], [['telemetry', 'taken']]])(
    'a hub none of whose brokers can take the first of %j is gone round in more and more slowly',
    async (topics) => {
      const hub = hubStore();
      const open = hub.openRun.bind(hub);
      hub.openRun = async (gateway, run) =>
        run.topic === 'taken'
          ? open(gateway, run)
          : { ok: false, code: 'not-available', message: 'no leader' };
      const servers = await Promise.all(
        [1, 2].map(() => startSyncServer({ host: '127.0.0.1', port: 0, log: silent, hub })),
      );
      const waits: number[] = [];
      const warn = (_event: string, { reason }: Record<string, unknown> = {}) => {
        const [, ms] = /could not take any stream for (\d+) ms/.exec(String(reason)) ?? [];
        if (ms !== undefined) waits.push(Number(ms));
      };
      const port = agentStore({ topics });
      for (const index of topics.keys()) await port.ingest(index, [1]);
      const uplink = startUplink({
        urls: servers.map(({ port }) => `ws://127.0.0.1:${port}`),
        port,
        log: { ...silent, warn },
        tuning: { backoffMinMs: 10, backoffMaxMs: 50, moveAfterMs: 60 },
      });
      cleanups.push(...servers.map((server) => () => server.close()), () => uplink.stop());
      await until(() => waits.length >= 5, 'it went round twice');
      expect(waits[2]).toBeGreaterThanOrEqual(120);
      expect(waits[4]).toBeGreaterThanOrEqual(240);
    },
  );

  test('who goes while its name is asked for leaves nothing behind', async () => {
    const [one] = await twoBrokers();
    const { promise, resolve } = Promise.withResolvers<void>();
    one.directory.gate = promise;
    const uplink = agent('hasty', [one.url]);
    await until(() => one.server.status().gateways.length === 1, 'its name is asked for');
    await uplink.stop();
    await until(() => one.server.status().connections === 0, 'it is gone');
    resolve();
    await until(() => one.directory.released === 2, 'the directory hears of it once more');
    expect(one.directory.here.size).toBe(0);
  });

  test('a session that its broker ends in the name of the directory ends, another instance stays', async () => {
    const [one] = await twoBrokers();
    const uplink = agent('a', [one.url]);
    await until(isLive(uplink), 'live');
    one.server.dismiss('gw', 'b', 'shutting-down', 'not this one');
    expect(uplink.status().state).toBe('live');
    one.server.dismiss('gw', 'a', 'shutting-down', 'moved');
    await until(() => /moved/.test(uplink.status().lastError ?? ''), 'ended');
  });
});
