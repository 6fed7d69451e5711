import { expect, test } from 'vitest';
import { RemovalLog } from './removal-log.ts';
import type { Removal } from './step.ts';

const removal = (n: number): Removal => ({
  groupId: 'readers',
  memberId: `m${n}`,
  clientId: 'client',
  clientHost: '/127.0.0.1',
  reason: 'session timeout',
  timeoutMs: 45_000,
});

test('every removed member has a line with all that is known of it, but of a thousand at once most are only counted', () => {
  const lines: [event: string, fields: unknown][] = [];
  let now = 0;
  const log = new RemovalLog({ warn: (event, fields) => lines.push([event, fields]) }, () => now);
  log.report([removal(0)]);
  const { groupId: group, ...rest } = removal(0);
  expect(lines).toEqual([['group member removed', { group, ...rest }]]);
  log.report(Array.from({ length: 999 }, (_, i) => removal(i + 1)));
  expect(lines).toHaveLength(20);
  now += 10_000;
  log.report([removal(1_000)]);
  expect(lines.slice(20).map(([event]) => event)).toEqual([
    'more group members removed',
    'group member removed',
  ]);
  expect(lines[20]![1]).toEqual({ members: 980 });
});
