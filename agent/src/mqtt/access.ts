import type { Client } from 'aedes';
import type { MqttPeer } from './listeners/index.ts';

/** Who may connect, and what to whom: asked by the broker, answered by the users file. */
export interface Access {
  readonly hasUsers: boolean;
  /** Rejects with an error whose `returnCode` is that of the CONNACK [MQTT-3.2.2-5]; it has been logged. */
  authenticate(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
    peer: MqttPeer | undefined,
  ): Promise<boolean>;
  /** Who has connected, proven by a password or a certificate; undefined where nobody was asked. */
  userOf(client: Client): string | undefined;
  /** False for who is not in the users file; true where there is none. */
  hasUser(name: string): boolean;
  /** False once who has connected would not be let in again. */
  isWelcome(client: Client): boolean;
  /** Asked once per connection and topic in a row. */
  mayPublish(client: Client, topic: string): boolean;
  maySubscribe(client: Client, filter: string): boolean;
  /** Asked per message on its way to a local subscriber. */
  mayReceive(client: Client, topic: string): boolean;
}

/** Everybody may do everything: the default while the broker binds to loopback. */
export const OPEN_ACCESS: Access = {
  hasUsers: false,
  authenticate: async () => true,
  userOf: () => undefined,
  hasUser: () => true,
  isWelcome: () => true,
  mayPublish: () => true,
  maySubscribe: () => true,
  mayReceive: () => true,
};
