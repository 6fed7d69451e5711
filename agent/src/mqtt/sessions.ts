import type { Aedes, Client } from 'aedes';
import { internalsOf } from './aedes-internals.ts';
import type { Qos2Window } from './qos2.ts';

/**
 * The QoS 2 packet ids of a session end with it: with a connection that begins a clean one, with a connection whose
 * session was its own only, and when a session of MQTT 5.0 expires. aedes cleans the subscriptions in the first and the
 * last case, before it greets the client; `committed` makes that wait until the ids are durably gone.
 */
export function endQos2WithSession(
  broker: Aedes,
  window: Qos2Window,
  isCleanStart: (client: Client) => boolean,
  committed: () => Promise<void>,
): void {
  const { persistence } = internalsOf(broker);
  const { cleanSubscriptions } = persistence;
  const forget = (clientId: string) => (window.forget(clientId) ? committed() : undefined);
  persistence.cleanSubscriptions = async (client) => {
    await forget(client.id);
    return cleanSubscriptions.call(persistence, client);
  };
  // An older connection of the same client may have gone on until it was closed for this one.
  broker.on('client', (client) => void (isCleanStart(client) && forget(client.id)));
  broker.on('clientDisconnect', (client) => void (client.clean && forget(client.id)));
}
