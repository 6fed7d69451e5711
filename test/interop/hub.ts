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
  const { apiKeys } = await askKafka(system.ports.kafka, 'apiVersions', apis.apiVersions.versions[1], {
    clientSoftwareName: 'interop',
    clientSoftwareVersion: '1',
  });
  const served = new Set(apiKeys.map(({ apiKey }) => apiKey));
  return { port: system.ports.kafka, bootstrap: system.bootstrap, served };
}
