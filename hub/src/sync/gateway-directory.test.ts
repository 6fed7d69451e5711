import { EdgelogError } from '@edgelog/base';
import { silentLogger } from '@edgelog/runtime';
import { until } from '@edgelog/sim';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClusterDirectory, type ClusterDirectoryDeps, type GatewayRecord } from './gateway-directory.ts';
import { GatewaySpread, type GatewaySpreadDeps } from './gateway-spread.ts';

/** What brokers share: records, and who is registered under which epoch. */
class Shared {
  readonly records = new Map<string, GatewayRecord>();
  readonly epochs = new Map<number, number>();
  readonly brokers = new Map<number, Broker>();
  readonly listeners: ((gateway: string) => void)[] = [];
  /** Swaps wait for it. */
  gate: Promise<void> = Promise.resolve();
  clock = 0;
}

/** A broker's directory, beside sessions that the test makes up. */
class Broker {
  readonly directory: ClusterDirectory;
  readonly spread: GatewaySpread;
  readonly dismissed: string[] = [];
  /** What its session with the gateway answers to a challenger. */
  answer: string | undefined;
  asked = 0;
  #registered: () => void = () => {};

  constructor(id: number, shared: Shared) {
    shared.brokers.set(id, this);
    shared.epochs.set(id, id * 100);
    const { records, listeners } = shared;
    const table = {
      get: (gateway: string) => records.get(gateway),
      all: () => records,
      onChange: (listener: (gateway: string) => void) => listeners.push(listener),
      swap: async (gateway: string, known: GatewayRecord | undefined, record: GatewayRecord) => {
        await shared.gate;
        if (records.get(gateway) !== known) return false;
        records.set(gateway, record);
        for (const listener of listeners) listener(gateway);
        return true;
      },
    };
    const cluster = {
      brokerId: id,
      mirror: {
        metadata: {
          broker: (id: number) => ({ epoch: shared.epochs.get(id) }),
          brokers: () =>
            [...shared.epochs].map(([id, epoch]) => ({ id, epoch, record: { draining: false } })),
        },
      },
      session: {
        get epoch() {
          return shared.epochs.get(id);
        },
        onRegistered: (listener: () => void) => {
          this.#registered = listener;
        },
      },
      table: () => table,
    };
    const peers = {
      open: (other: number) => ({
        request: async (
          _api: unknown,
          { gateway, ...claim }: { gateway: string; instance: string; remote: string },
        ) => {
          const broker = shared.brokers.get(other);
          if (broker === undefined) throw new EdgelogError('CONNECTION_LOST', 'it is not there');
          return { refusal: (await broker.directory.challenge(gateway, claim)) ?? null };
        },
      }),
    };
    const deps = { cluster, peers, log: silentLogger, now: () => ++shared.clock };
    this.directory = new ClusterDirectory(deps as unknown as ClusterDirectoryDeps);
    const spreadDeps = { ...deps, directory: this.directory, spreadMs: 0 };
    this.spread = new GatewaySpread(spreadDeps as unknown as GatewaySpreadDeps);
    this.directory.attach({
      challenge: async () => {
        this.asked++;
        return this.answer;
      },
      dismiss: (gateway, instance, code) => {
        this.dismissed.push(`${gateway} ${instance} ${code}`);
        this.directory.release(gateway, instance);
      },
    });
  }

  claim(instance: string): Promise<string | undefined> {
    return this.directory.claim('gw', { instance, remote: '10.0.0.9:1' });
  }

  register(epoch: number, shared: Shared, id: number): void {
    shared.epochs.set(id, epoch);
    this.#registered();
  }
}

let shared: Shared;
let one: Broker;
let two: Broker;
beforeEach(() => {
  shared = new Shared();
  one = new Broker(1, shared);
  two = new Broker(2, shared);
});

afterEach(() => {
  for (const { spread } of [one, two]) spread.close();
});

const isAt = (brokerId: number) => () => shared.records.get('gw')?.brokerId === brokerId;

test('a gateway is let in before etcd is told', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  shared.gate = promise;
  expect(await one.claim('a')).toBeUndefined();
  expect(shared.records.size).toBe(0);
  resolve();
  await until(isAt(1), 'it is told');
});

test('the same instance moves without anybody being asked, and is dismissed where it was', async () => {
  await one.claim('a');
  await until(isAt(1), 'at the first');
  expect(await two.claim('a')).toBeUndefined();
  await until(() => one.dismissed.length > 0, 'gone from the first');
  expect(one).toMatchObject({ dismissed: ['gw a shutting-down'], asked: 0 });
  expect(two.dismissed).toEqual([]);
});

test('another instance is let in if the first broker says so, and not otherwise', async () => {
  await one.claim('a');
  await until(isAt(1), 'at the first');
  one.answer = 'a is live';
  expect(await two.claim('b')).toBe('a is live');
  one.answer = undefined;
  expect(await two.claim('b')).toBeUndefined();
  await until(isAt(2), 'at the second');
  expect(one.asked).toBe(2);
});

test('nobody asks a broker that has another registration since, or cannot be asked', async () => {
  await one.claim('a');
  await until(isAt(1), 'at the first');
  shared.epochs.set(1, 101);
  expect(await two.claim('b')).toBeUndefined();
  await until(isAt(2), 'at the second');
  expect(one.asked).toBe(0);
  shared.brokers.delete(2);
  expect(await one.claim('c')).toBeUndefined();
});

test('instances that come to two brokers at once: the later record loses to the one that is live', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  shared.gate = promise;
  one.answer = 'a is live';
  two.answer = 'b is live';
  expect(await one.claim('a')).toBeUndefined();
  expect(await two.claim('b')).toBeUndefined();
  resolve();
  await until(() => two.dismissed.length > 0, 'one of them goes');
  expect(two.dismissed).toEqual(['gw b duplicate-instance']);
  expect(one.dismissed).toEqual([]);
});

test('a broker with a new registration writes down again whom it has', async () => {
  await one.claim('a');
  await until(isAt(1), 'at the first');
  one.register(150, shared, 1);
  await until(() => shared.records.get('gw')?.brokerEpoch === 150, 'written again');
  expect(two.directory.elsewhere('gw')).toMatchObject({ brokerId: 1, instance: 'a' });
  expect(one.dismissed).toEqual([]);
});

test('whoever went elsewhere before its broker had a new registration stays there', async () => {
  shared.epochs.delete(1);
  await one.claim('a');
  await two.claim('a');
  await until(isAt(2), 'at the second');
  one.register(150, shared, 1);
  await until(() => one.dismissed.length > 0, 'gone from the first');
  expect(shared.records.get('gw')?.brokerId).toBe(2);
  expect(two.dismissed).toEqual([]);
});

test('a broker with far more gateways than its share sends some to the others, when all has been quiet for a minute; who comes straight back stays', async () => {
  const names = Array.from({ length: 40 }, (_, i) => `gw-${i}`);
  const claims = { instance: 'a', remote: '10.0.0.9:1' };
  for (const name of names) await one.directory.claim(name, claims);
  await until(() => shared.records.size === 40, 'all are written down');
  for (const { spread } of [one, two]) spread.look();
  shared.clock += 59_000;
  one.spread.look();
  shared.clock += 2_000;
  two.spread.look();
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect([...one.dismissed, ...two.dismissed]).toEqual([]);
  one.spread.look();
  await until(() => one.dismissed.length === 5, 'a quarter of what is too much');
  const sent = new Set(one.dismissed.map((line) => line.split(' ')[0]!));
  for (const name of sent) await one.directory.claim(name, claims);
  shared.clock += 61_000;
  one.spread.look();
  await until(() => one.dismissed.length === 10, 'five others');
  expect(new Set(one.dismissed).size).toBe(10);
});

test('brokers with about as many gateways leave them in peace', async () => {
  const claims = { instance: 'a', remote: '10.0.0.9:1' };
  for (let i = 0; i < 40; i++) await (i < 25 ? one : two).directory.claim(`gw-${i}`, claims);
  await until(() => shared.records.size === 40, 'all are written down');
  one.spread.look();
  shared.clock += 61_000;
  one.spread.look();
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(one.dismissed).toEqual([]);
});
