import { isDeepStrictEqual } from 'node:util';
import { essence } from './essence.ts';
import { Peer } from './peer.ts';
import type { Deliberate, Scenario } from './scenario.ts';

export interface Difference {
  label: string;
  kafka: unknown;
  hub: unknown;
  /** Why it is meant to be so; undefined for a fault. */
  reason: string | undefined;
}

export interface Ports {
  kafka: number;
  hub: number;
}

/** Plays a scenario to both brokers and answers where they differ. `prefix` must be new to both. */
export async function compare(scenario: Scenario, ports: Ports, prefix: string): Promise<Difference[]> {
  const [kafka, hub] = await Promise.all([
    play(scenario, new Peer(ports.kafka, prefix)),
    play(scenario, new Peer(ports.hub, prefix)),
  ]);
  const differences: Difference[] = [];
  for (const label of new Set([...kafka.keys(), ...hub.keys()])) {
    const pair = { kafka: kafka.get(label), hub: hub.get(label) };
    if (!isDeepStrictEqual(pair.kafka, pair.hub))
      differences.push({ label, ...pair, reason: reasonFor(scenario, label) });
  }
  return differences;
}

/** Reasons for differences that are no more; a scenario that was made to agree has them still. */
export function outOfDate({ deliberate = [] }: Scenario, differences: readonly Difference[]): Deliberate[] {
  return deliberate.filter(([labels]) => !differences.some(({ label }) => labels.test(label)));
}

async function play({ run }: Scenario, peer: Peer): Promise<Map<string, unknown>> {
  const seen = new Map<string, unknown>();
  try {
    await run(peer, (label, observed) => {
      if (seen.has(label)) throw new Error(`the scenario looks at "${label}" twice`);
      seen.set(label, essence(observed));
    });
  } finally {
    peer.close();
  }
  return seen;
}

function reasonFor({ deliberate = [] }: Scenario, label: string): string | undefined {
  return deliberate.find(([labels]) => labels.test(label))?.[1];
}
