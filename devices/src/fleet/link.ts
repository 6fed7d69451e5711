import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import type { Address } from '@edgelog/runtime';
import { MqttClient } from 'mqtt';
import type { Reading } from './device.ts';

export type Qos = 0 | 1 | 2;

export interface LinkOptions {
  readonly address: Address;
  readonly clientId: string;
  readonly qos: Qos;
  /** Readings sent and not yet acknowledged. */
  readonly windowSize: number;
  readonly onAcknowledged: (latencyMs: number) => void;
  /** A reading that is lost: at QoS 0 when the connection broke before it was written. */
  readonly onLost: () => void;
  /** Why the device is not connected; the same reason is reported once. */
  readonly onTrouble: (reason: string) => void;
}

const RECONNECT_MS = 500;

/**
 * A device's MQTT session. What was sent and not acknowledged goes out again after a reconnect, with its packet id
 * [MQTT-4.4.0-1]; what was not yet sent stays with the caller.
 */
export class Link {
  readonly #client: MqttClient;
  readonly #options: LinkOptions;
  #isUp = false;
  #isOut = false;
  #inFlight = 0;
  #reported = '';

  constructor(options: LinkOptions) {
    this.#options = options;
    const { host, port } = options.address;
    this.#client = new MqttClient(
      () => (this.#isOut ? deadStream() : connectTcp({ host, port, noDelay: true })),
      {
        clientId: options.clientId,
        clean: options.qos === 0,
        keepalive: 30,
        reconnectPeriod: RECONNECT_MS,
        connectTimeout: 10_000,
        resubscribe: false,
      },
    );
    // mqtt.js says `connect` after everything in flight was sent again and acknowledged.
    this.#client.on('connect', () => {
      this.#isUp = true;
      this.#reported = '';
    });
    this.#client.on('close', () => {
      this.#isUp = false;
    });
    this.#client.on('error', (error) =>
      this.#trouble(error.message || String((error as { code?: string }).code)),
    );
  }

  get isUp(): boolean {
    return this.#isUp;
  }
  get inFlight(): number {
    return this.#inFlight;
  }
  get canSend(): boolean {
    return this.#isUp && this.#inFlight < this.#options.windowSize;
  }

  send({ topic, payload }: Reading): void {
    const sentAt = performance.now();
    let isSettled = false;
    this.#inFlight += 1;
    this.#client.publish(topic, payload, { qos: this.#options.qos }, (error) => {
      if (isSettled) return;
      isSettled = true;
      this.#inFlight -= 1;
      if (error) {
        this.#trouble(error.message);
        this.#options.onLost();
      } else this.#options.onAcknowledged(performance.now() - sentAt);
    });
  }

  /** Takes the device off the network, or back. */
  setOut(isOut: boolean): void {
    if (isOut === this.#isOut) return;
    this.#isOut = isOut;
    if (isOut) this.#client.stream.destroy();
  }

  close(): Promise<void> {
    return this.#client.endAsync(!this.#isUp);
  }

  #trouble(reason: string): void {
    if (this.#isOut || reason === this.#reported) return;
    this.#reported = reason;
    this.#options.onTrouble(reason);
  }
}

/** A connection that is closed before it begins. */
function deadStream(): Duplex {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  setImmediate(() => stream.destroy());
  return stream;
}
