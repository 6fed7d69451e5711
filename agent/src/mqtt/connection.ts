import type { Socket } from 'node:net';
import type { Pressure } from '@edgelog/edge';
import type { RecordHeader } from '@edgelog/wire';
import type { Client } from 'aedes';
import { AckQueue } from './ack-queue.ts';
import { type PacketFault, PacketGuard } from './packet-guard.ts';

/** How long a connection may take to finish what came before a packet over the limit. */
const FAULT_GRACE_MS = 2000;

export interface ConnectionOptions {
  maxPacketBytes: number;
  pressure: Pressure;
  onFault: (connection: MqttConnection, fault: PacketFault) => void;
}

/**
 * One device's connection: between its socket and aedes. aedes pulls with `read()` when it has dealt with all packets
 * of the read before (or earlier: each `readable` event counts as one packet dealt with), so refusing a read is how
 * to pause it. Its own `pause()` loses count of the packets in flight and may never read again.
 */
export class MqttConnection {
  readonly socket: Socket;
  readonly acks = new AckQueue();
  readonly remote: string;
  /** Set at the first publish, when the client id is known. */
  headers: readonly RecordHeader[] | undefined;
  client!: Client;
  readonly #options: ConnectionOptions;
  readonly #guard: PacketGuard;
  readonly #read: (size?: number) => Buffer | null;
  #isWaiting = false;
  #isStopped = false;
  #fault: PacketFault | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.socket = socket;
    this.#options = options;
    this.#guard = new PacketGuard(options.maxPacketBytes);
    this.remote = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#read = socket.read.bind(socket);
    socket.read = (size?: number) => this.#gatedRead(size);
  }

  /** Reads nothing more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Reads again if it was refused a read and nothing stands against it any more. */
  resume(): void {
    if (!this.#isWaiting || this.#options.pressure.isHigh) return;
    this.#isWaiting = false;
    this.socket.emit('readable');
  }

  #gatedRead(size?: number): Buffer | null {
    if (this.#isStopped) return null;
    if (this.#fault !== undefined) {
      this.#endIfQuiet(this.#fault);
      return null;
    }
    if (this.#options.pressure.isHigh) {
      this.#isWaiting = true;
      return null;
    }
    const bytes = this.#read(size);
    const fault = bytes === null ? undefined : this.#guard.scan(bytes);
    if (bytes === null || fault === undefined) return bytes;
    this.#fault = fault;
    setTimeout(() => this.#end(fault), FAULT_GRACE_MS).unref();
    if (fault.goodBytes > 0) return bytes.subarray(0, fault.goodBytes);
    this.#endIfQuiet(fault);
    return null;
  }

  /** What came before the fault is dealt with first, so that it is acknowledged and the client's name is known. */
  #endIfQuiet(fault: PacketFault): void {
    const isUnborn = fault.goodBytes === 0 && !this.client.connecting && !this.client.connected;
    if (isUnborn || (this.client.connected && this.acks.isIdle)) this.#end(fault);
  }

  #end(fault: PacketFault): void {
    if (this.socket.destroyed) return;
    this.#options.onFault(this, fault);
    this.socket.destroy();
  }
}
