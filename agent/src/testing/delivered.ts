import { expect } from 'vitest';
import type { MemoryHub } from './memory-hub.ts';

/**
 * What the hub has of each client, whose messages are numbers from 0 on: dense, in order, once, and no less than was acknowledged.
 * More than `clientsMin` clients must have heard of something, or the test has shown nothing.
 */
export function expectDelivered(
  hub: MemoryHub,
  acked: ReadonlyMap<string, number>,
  clientsMin: number,
): Map<string, number[]> {
  const stored = new Map<string, number[]>();
  for (const { key, value } of hub.records()) {
    const clientId = key!.toString();
    stored.set(clientId, [...(stored.get(clientId) ?? []), Number(value)]);
  }
  expect([...acked.values()].filter((count) => count > 0).length).toBeGreaterThan(clientsMin);
  for (const [clientId, count] of acked) {
    const at = stored.get(clientId) ?? [];
    expect(at).toEqual(at.map((_, i) => i));
    expect(at.length).toBeGreaterThanOrEqual(count);
  }
  return stored;
}
