import type { Client } from 'aedes';

/** Who may connect, and what to whom: asked by the broker, answered by the users file. */
export interface Access {
  authenticate(client: Client, username: string | undefined, password: Buffer | undefined): Promise<boolean>;
  /** Asked once per connection and topic in a row. */
  mayPublish(client: Client, topic: string): boolean;
  maySubscribe(client: Client, filter: string): boolean;
  /** Asked per message on its way to a local subscriber. */
  mayReceive(client: Client, topic: string): boolean;
}

/** Everybody may do everything: the default while the broker binds to loopback. */
export const OPEN_ACCESS: Access = {
  authenticate: async () => true,
  mayPublish: () => true,
  maySubscribe: () => true,
  mayReceive: () => true,
};
