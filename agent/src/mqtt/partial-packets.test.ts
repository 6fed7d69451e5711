import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PartialPackets } from './partial-packets.ts';

const holder = (address: string) => ({ address });

test('the host that holds most is the one that gives up its largest, whoever comes last', () => {
  const packets = new PartialPackets(100);
  const [small, large] = [holder('greedy'), holder('greedy')];
  const modest = holder('modest');
  expect(packets.hold(small, 30)).toBeUndefined();
  expect(packets.hold(large, 40)).toBeUndefined();
  expect(packets.hold(modest, 29)).toBeUndefined();
  // Its one packet is larger than any of the others, but not than both.
  expect(packets.hold(modest, 45)).toBe(large);
  packets.hold(large, 0);
  expect(packets.bytes).toBe(75);
  expect(packets.hold(holder('third'), 20)).toBeUndefined();
  expect(packets.hold(holder('third'), 10)).toBe(modest);
});

test('who is ended is of a host that holds no less than any other; what is held adds up', () => {
  const step = fc.tuple(fc.nat(9), fc.nat(30));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const packets = new PartialPackets<{ address: string; n: number }>(100);
      const holders = Array.from({ length: 10 }, (_, n) => ({ address: `${n % 3}`, n }));
      const held = new Map<number, number>();
      const ofHost = (address: string) =>
        holders.reduce((sum, one) => sum + (one.address === address ? (held.get(one.n) ?? 0) : 0), 0);
      for (const [n, bytes] of steps) {
        held.set(n, bytes);
        const ended = packets.hold(holders[n]!, bytes);
        const all = [...held.values()].reduce((sum, one) => sum + one, 0);
        expect(packets.bytes).toBe(all);
        expect(ended !== undefined).toBe(all > 100);
        if (ended === undefined) continue;
        expect(ofHost(ended.address)).toBe(Math.max(...['0', '1', '2'].map(ofHost)));
        for (const one of holders) {
          if (one.address === ended.address)
            expect(held.get(one.n) ?? 0).toBeLessThanOrEqual(held.get(ended.n)!);
        }
        packets.hold(ended, 0);
        held.set(ended.n, 0);
      }
    }),
  );
});
