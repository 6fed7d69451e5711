import { apis } from '@edgelog/wire';
import { askKafka } from '../harness/kafka-raw.ts';
import type { System } from '../harness/system.ts';

/** The hub that is checked. */
export interface Hub {
  port: number;
  bootstrap: string;
  /** Keys of the APIs that it serves. */
  served: ReadonlySet<number>;
}

/** Starts the hub of `system` and asks what it serves. */
export async function startHub(system: System): Promise<Hub> {
  await system.startHub();
  const port = system.ports.kafka;
  return { port, bootstrap: system.bootstrap, served: await servedAt(port) };
}

/** Keys of the APIs that a broker serves. */
async function servedAt(port: number): Promise<Set<number>> {
  const { apiKeys } = await askKafka(port, 'apiVersions', apis.apiVersions.versions[1], {
    clientSoftwareName: 'interop',
    clientSoftwareVersion: '1',
  });
  return new Set(apiKeys.map(({ apiKey }) => apiKey));
}
