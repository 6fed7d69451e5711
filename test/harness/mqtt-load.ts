import { type Socket, connect as tcpConnect } from 'node:net';
import { CONNACK_BYTES, connect, PUBACK_BYTES, publish } from './mqtt-packets.ts';
import { sleep } from './wait.ts';

export interface LoadOptions {
  port: number;
  clientId: string;
  topic?: string;
  /** Messages sent and not yet acknowledged, at most. */
  window?: number;
  /** Payload of message `sequence`; default its number in decimal. */
  payload?: (sequence: number) => Buffer;
  /** From an acknowledgement until more is sent; default none. */
  pauseMs?: number;
  onAcked?: (sequence: number) => void;
}

/**
 * One QoS 1 publisher on a raw socket. It never sends a message twice: what was unacknowledged when the connection
 * broke may or may not have been logged, and the run goes on with the next number. PUBACKs come in order
 * [MQTT-4.6.0-2], so a connection's acknowledgements are its first `n` messages; an id out of order is an error.
 */
export class MqttLoad {
  readonly acked: number[] = [];
  sent = 0;
  private readonly options: Required<LoadOptions>;
  private stopping = false;

  constructor(options: LoadOptions) {
    this.options = {
      topic: `load/${options.clientId}`,
      window: 100,
      payload: (sequence) => Buffer.from(String(sequence)),
      pauseMs: 0,
      onAcked: () => {},
      ...options,
    };
  }

  /** Publishes until `total` messages were acknowledged or `stop()`; reconnects when the connection breaks. */
  async run(total = Number.POSITIVE_INFINITY): Promise<void> {
    while (!this.stopping && this.acked.length < total) {
      await this.connection(total);
      if (!this.stopping && this.acked.length < total) await sleep(20);
    }
  }

  stop(): void {
    this.stopping = true;
  }

  private connection(total: number): Promise<void> {
    const { port, clientId, topic, window, payload, pauseMs, onAcked } = this.options;
    return new Promise((done, fail) => {
      const inFlight: number[] = [];
      let head = 0;
      let connected = false;
      let buffered: Buffer = Buffer.alloc(0);
      const socket: Socket = tcpConnect({ port, host: '127.0.0.1', noDelay: true });
      const fill = (): void => {
        if (socket.destroyed) return;
        const room = Math.min(
          window - (inFlight.length - head),
          total - this.acked.length - (inFlight.length - head),
        );
        if (room <= 0) return;
        const packets: Buffer[] = [];
        for (let i = 0; i < room; i++) {
          const sequence = this.sent++;
          inFlight.push(sequence);
          packets.push(publish(topic, payload(sequence), 1, (sequence % 65_535) + 1));
        }
        socket.write(Buffer.concat(packets));
      };
      socket.on('connect', () => socket.write(connect(clientId)));
      socket.on('data', (chunk) => {
        buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
        let at = 0;
        if (!connected) {
          if (buffered.length < CONNACK_BYTES) return;
          connected = true;
          at = CONNACK_BYTES;
        }
        for (; at + PUBACK_BYTES <= buffered.length; at += PUBACK_BYTES) {
          const expected = inFlight[head++];
          const id = buffered.readUInt16BE(at + 2);
          if (buffered[at] !== 0x40 || expected === undefined || id !== (expected % 65_535) + 1) {
            fail(new Error(`${clientId}: PUBACK ${id} out of order, expected that of message ${expected}`));
            socket.destroy();
            return;
          }
          this.acked.push(expected);
          onAcked(expected);
        }
        buffered = buffered.subarray(at);
        if (this.stopping || this.acked.length >= total) socket.destroy();
        else if (pauseMs === 0) fill();
        else setTimeout(fill, pauseMs);
      });
      socket.on('error', () => {});
      socket.on('close', () => done());
    });
  }
}
