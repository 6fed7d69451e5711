import { beforeEach, describe, expect, test } from 'vitest';
import { createRegistry, handleRegistry, type Registry, type RegistryEvent } from './registry.ts';

const gateway = 'gw';
const claim = (connection: number, instance: string): RegistryEvent => ({
  type: 'claim',
  gateway,
  claim: { connection, instance, remote: `10.0.0.${connection}:1` },
});

describe('who holds a gateway name', () => {
  let registry: Registry;
  const at = (now: number, event: RegistryEvent) => handleRegistry(registry, event, now).effects;
  beforeEach(() => {
    registry = createRegistry(5_000);
    expect(at(0, claim(1, 'a'))).toEqual([{ type: 'admit', connection: 1 }]);
  });

  test('the same instance reconnecting replaces its older connection at once', () => {
    expect(at(10, claim(2, 'a'))).toMatchObject([
      { type: 'replace', connection: 1, code: 'shutting-down' },
      { type: 'admit', connection: 2 },
    ]);
    expect(at(11, { type: 'gone', gateway, connection: 1 })).toEqual([]);
    expect(registry.gateways.get(gateway)?.holder.connection).toBe(2);
  });

  test('a second instance is refused, both named, when the first answers', () => {
    expect(at(10, claim(2, 'b'))).toEqual([{ type: 'probe', connection: 1 }]);
    expect(at(20, { type: 'answered', gateway, connection: 1 })).toMatchObject([
      {
        type: 'refuse',
        connection: 2,
        message: expect.stringMatching(
          /instance a at 10\.0\.0\.1:1 is live, instance b at 10\.0\.0\.2:1 is refused/,
        ),
      },
    ]);
    expect([...registry.duplicates.values()]).toMatchObject([{ gateway, count: 1, firstAt: 20 }]);
  });

  test('bytes that were on their way when the first died are no sign of life, later ones are', () => {
    at(10, claim(2, 'b'));
    expect(at(500, { type: 'seen', gateway, connection: 1 })).toEqual([]);
    for (const now of [1_500, 1_750]) expect(at(now, { type: 'seen', gateway, connection: 1 })).toEqual([]);
    expect(at(2_000, { type: 'seen', gateway, connection: 1 })).toMatchObject([
      { type: 'refuse', connection: 2 },
    ]);
  });

  test('a hub that stood still and then reads what a dead first had sent does not turn away its restarted agent', () => {
    at(10, claim(2, 'b'));
    expect(at(4_000, { type: 'seen', gateway, connection: 1 })).toEqual([]);
    expect(at(4_001, { type: 'gone', gateway, connection: 1 })).toEqual([{ type: 'admit', connection: 2 }]);
  });

  test('a first that gives no sign of life is replaced', () => {
    at(10, claim(2, 'b'));
    expect(at(5_000, { type: 'tick' })).toEqual([]);
    expect(at(5_010, { type: 'tick' })).toMatchObject([
      { type: 'replace', connection: 1, code: 'duplicate-instance' },
      { type: 'admit', connection: 2 },
    ]);
  });

  test('a first that hangs up makes room at once', () => {
    at(10, claim(2, 'b'));
    expect(at(20, { type: 'gone', gateway, connection: 1 })).toEqual([{ type: 'admit', connection: 2 }]);
  });

  test('a challenger that hangs up is forgotten', () => {
    at(10, claim(2, 'b'));
    expect(at(20, { type: 'gone', gateway, connection: 2 })).toEqual([]);
    expect(at(6_000, { type: 'tick' })).toEqual([]);
  });

  test('a third instance is refused while the second waits', () => {
    at(10, claim(2, 'b'));
    expect(at(20, claim(3, 'c'))).toMatchObject([{ type: 'refuse', connection: 3 }]);
  });

  test('a name is free again when its holder has gone', () => {
    expect(at(10, { type: 'gone', gateway, connection: 1 })).toEqual([]);
    expect(at(20, claim(2, 'b'))).toEqual([{ type: 'admit', connection: 2 }]);
  });
});
