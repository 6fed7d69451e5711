import type { Aedes, Client } from 'aedes';
import { internalsOf } from './aedes-internals.ts';

/**
 * The QoS 2 packet ids of a session end with it: with a connection that begins a clean one, with a connection whose
 * session was its own only, and when a session of MQTT 5.0 expires. aedes cleans the subscriptions in the first and the
 * last case, before it greets the client; `forgetIds` says whether any were stored, and `committed` makes that wait until the ids are durably gone.
 */
export function endQos2WithSession(
  broker: Aedes,
  forgetIds: (clientId: string) => boolean,
  isCleanStart: (client: Client) => boolean,
  committed: () => Promise<void>,
): void {
  const { persistence } = internalsOf(broker);
  const { cleanSubscriptions } = persistence;
  persistence.cleanSubscriptions = async (client) => {
    if (forgetIds(client.id)) await committed();
    return cleanSubscriptions.call(persistence, client);
  };
  /** Gone with the next commit; should the store fail, it says so itself. */
  const forget = (clientId: string) => {
    if (forgetIds(clientId)) committed().catch(() => {});
  };
  // An older connection of the same client may have gone on until it was closed for this one.
  broker.on('client', (client) => {
    if (isCleanStart(client)) forget(client.id);
  });
  broker.on('clientDisconnect', (client) => {
    if (client.clean) forget(client.id);
  });
}
