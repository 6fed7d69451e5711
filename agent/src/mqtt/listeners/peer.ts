import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What aedes and MqttConnection need of a device's socket, whatever carries it. */
export type MqttSocket = Duplex & Pick<Socket, 'remoteAddress' | 'remotePort'>;

/** What a listener knows of who has connected. */
export interface MqttPeer {
  /** Common name in the certificate that the client has shown, where the listener asks for one. */
  certificateName: string | undefined;
}

export const UNNAMED_PEER: MqttPeer = { certificateName: undefined };
