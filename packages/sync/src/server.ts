import { EdgelogError } from '@edgelog/base';
import type { SyncServer, SyncServerOptions } from './server-types.ts';

/** Listens for agents. Rejects with EdgelogError ADDRESS_IN_USE. */
export async function startSyncServer(_options: SyncServerOptions): Promise<SyncServer> {
  throw new EdgelogError('REFUSED', 'the sync server is not there yet');
}
