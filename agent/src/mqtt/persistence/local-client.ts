import type { Client, PublishPacket } from 'aedes';
import type { Subscription } from './sessions.ts';

type Delivered = (error?: Error | null) => void;

/** A message on its way to subscribers. */
export interface Forwarded extends PublishPacket {
  /** Null for a retained message that a SUBSCRIBE asked for. */
  brokerId?: string | null;
  /** Who published it. */
  clientId?: string;
  messageExpiry?: number;
}

/** What is used of a client of aedes 2.0.0-beta.1 beyond its published type. */
export interface LocalClient extends Client {
  deliverQoS(packet: Forwarded, done: Delivered): void;
  deliver0(packet: Forwarded, done: Delivered): void;
}

/** A broker of aedes 2.0.0-beta.1, likewise. */
export interface LocalBroker {
  readonly id: string;
  readonly closed: boolean;
  preConnect(client: LocalClient, packet: object, done: (error: Error | null, ok: boolean) => void): void;
  published(packet: Forwarded, client: Client | null, done: (error?: Error | null) => void): void;
  authorizeSubscribe(
    client: Client,
    wanted: Subscription,
    done: (error: Error | null, granted?: Subscription | null) => void,
  ): void;
  authorizeForward(client: Client, packet: PublishPacket): PublishPacket | null | undefined;
  publishWill(client: { id: string }, will: Pick<PublishPacket, 'properties'>): void;
  on(event: 'clientReady' | 'clientDisconnect', listener: (client: LocalClient) => void): unknown;
}
