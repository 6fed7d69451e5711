import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checked, granted, renewed } from './clock.ts';

const TTL = 9_000;
const MARGIN = 1_000;

test('the deadline counts from the sending of the grant, less the margin', () => {
  const lease = granted(100, TTL, MARGIN);
  expect(checked(lease, 8_099).ended).toBe(false);
  expect(checked(lease, 8_100).ended).toBe(true);
});

test('a renewal counts from its own sending, not from its answer', () => {
  const lease = renewed(granted(0, TTL, MARGIN), 3_000, TTL, 7_000);
  expect(lease).toMatchObject({ deadlineMs: 11_000, renewAtMs: 5_250, ended: false });
});

test('of two renewals under way the one sent later counts, in whatever order they are answered', () => {
  const lease = granted(0, TTL, MARGIN);
  const inOrder = renewed(renewed(lease, 2_000, TTL, 4_500), 4_000, TTL, 5_000);
  const reversed = renewed(renewed(lease, 4_000, TTL, 4_500), 2_000, TTL, 5_000);
  expect(reversed).toEqual(inOrder);
});

test('an answer that comes after the deadline does not bring the lease back', () => {
  const late = renewed(granted(0, TTL, MARGIN), 7_900, TTL, 8_000);
  expect(late.ended).toBe(true);
  expect(renewed(late, 8_100, TTL, 8_200).ended).toBe(true);
});

test('an answer without TTL ends the lease at once', () => {
  expect(renewed(granted(0, TTL, MARGIN), 3_000, 0, 3_001).ended).toBe(true);
});

test('whatever is lost, late or paused, the holder stops before etcd does', () => {
  const keepAlive = fc.record({
    waitMs: fc.nat(6_000),
    thereMs: fc.nat(4_000),
    backMs: fc.nat(6_000),
    lost: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(keepAlive, { maxLength: 20 }), (keepAlives) => {
      let now = 500; // the grant was sent at 0, handled at some time up to here
      let lease = granted(0, TTL, MARGIN);
      let etcdEnds = TTL; // handled at once: the worst case
      for (const { waitMs, thereMs, backMs, lost } of keepAlives) {
        const sentAt = now + waitMs;
        const handledAt = sentAt + thereMs;
        const remaining = handledAt < etcdEnds ? TTL : 0;
        if (remaining > 0) etcdEnds = handledAt + TTL;
        now = handledAt + backMs;
        lease = lost ? checked(lease, now) : renewed(lease, sentAt, remaining, now);
        if (!lease.ended) expect(now).toBeLessThan(etcdEnds);
      }
    }),
  );
});
