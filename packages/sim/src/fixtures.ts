import type { SyncLog } from '@edgelog/sync';
import { AgentStore, type AgentStoreHooks } from './agent-store.ts';
import { realClock } from './clock.ts';
import { HubStore } from './hub-store.ts';
import { Prng } from './prng.ts';

const nothing = () => {};
export const silent: SyncLog = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** A log that keeps what was said at `warn` and above. */
export function listening(): SyncLog & { said: { event: string; fields: Record<string, unknown> }[] } {
  const said: { event: string; fields: Record<string, unknown> }[] = [];
  const keep = (event: string, fields: Record<string, unknown> = {}) => void said.push({ event, fields });
  return { debug: nothing, info: nothing, warn: keep, error: keep, said };
}

export function agentStore(
  options: Partial<ConstructorParameters<typeof AgentStore>[0]> = {},
  hooks: Partial<AgentStoreHooks> = {},
): AgentStore {
  return new AgentStore(
    {
      clock: realClock,
      prng: new Prng(Math.floor(Math.random() * 2 ** 32)),
      gateway: 'gw',
      topics: ['telemetry'],
      flushMsMax: 2,
      keepAcked: 0,
      ...options,
    },
    {
      acknowledged: nothing,
      durable: nothing,
      diverged: nothing,
      refused: nothing,
      gapDeclared: nothing,
      ...hooks,
    },
  );
}

export function hubStore(options: Partial<ConstructorParameters<typeof HubStore>[0]> = {}): HubStore {
  return new HubStore({ clock: realClock, prng: new Prng(1), commitMsMax: 2, ...options });
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 120_000,
): Promise<void> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > timeoutMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const numbers = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => from + index);
