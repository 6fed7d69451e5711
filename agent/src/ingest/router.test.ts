import { expect, test } from 'vitest';
import type { Incoming } from './incoming.ts';
import { Router } from './router.ts';
import { routesSchema } from './schema.ts';

test('a device that makes up names of 60 kB without end does not fill the memory with what was decided of them', () => {
  const router = new Router({
    routes: routesSchema.parse([{ match: 'a/#', key: 'k' }]),
    topic: 'telemetry',
    unrouted: 'default',
    maxRoutedTopics: 100,
    existingTopics: [],
    onTooManyTopics: () => {},
  });
  const plan = (name: string) =>
    router.plan({ kind: 'mqtt', name, value: Buffer.alloc(0), headers: [] } satisfies Incoming);
  expect(plan('a/b')).toBe(plan('a/b'));
  const long = `a/${'x'.repeat(60_000)}`;
  expect(plan(long)).toEqual(plan(long));
  expect(plan(long)).not.toBe(plan(long));
});
