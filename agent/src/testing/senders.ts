import type { Packet } from 'mqtt-packet';
import { publishPacket, RawMqtt } from './raw-mqtt.ts';

/** Messages that wait for their acknowledgement at most: a busy machine is not to be drowned. */
const WINDOW = 1000;
/** Of the milliseconds that a sender of QoS 2 is connected, those in which it is cut off. */
const CUT_SHARE = 0.005;

/** Publishes numbered messages at QoS 1 in bursts until the connection ends; answers how many were acknowledged. */
export async function publishUntilCut(client: RawMqtt, clientId: string): Promise<number> {
  const acked = () => client.received.filter(({ cmd }) => cmd === 'puback').length;
  for (let next = 0; !client.isClosed; ) {
    const room = Math.min(200, WINDOW - (next - acked()));
    const burst = Array.from({ length: Math.ceil(Math.random() * room) }, () => next++);
    client.send(
      ...burst.map((n) => {
        const value = `${n}`.padEnd(Math.random() * 300);
        return publishPacket(clientId, value, { messageId: (n % 65_535) + 1 });
      }),
    );
    const patience = new Promise((resolve) => setTimeout(resolve, 20));
    await Promise.race([patience, client.packets('puback', next).catch(() => {})]);
  }
  return acked();
}

/** Waits until nothing is left to send. */
export async function drained(httpPort: number): Promise<void> {
  let status: { streams: { lagRecords: number }[] };
  const deadline = performance.now() + 120_000;
  do {
    await new Promise((resolve) => setTimeout(resolve, 20));
    status = (await (await fetch(`http://127.0.0.1:${httpPort}/status`)).json()) as typeof status;
    if (performance.now() > deadline) throw new Error(`a backlog stays: ${JSON.stringify(status)}`);
  } while (status.streams.some(({ lagRecords }) => lagRecords > 0));
}

/** A QoS 2 sender with a persistent session, cut off now and then: as the standard has it, it sends again what is not through [MQTT-4.4.0-1]. */
export class ExactlyOnceSender {
  readonly #clientId = 'meter';
  readonly #version: 4 | 5;
  readonly #total: number;
  #next = 0;
  /** By message: PUBLISH sent, or PUBREL. */
  readonly #inFlight = new Map<number, 'published' | 'released'>();

  constructor(total: number, version: 4 | 5) {
    this.#total = total;
    this.#version = version;
  }

  get isDone(): boolean {
    return this.#next === this.#total && this.#inFlight.size === 0;
  }

  /** Goes on until all is through or the connection ends. */
  async run(port: number): Promise<void> {
    const clientId = this.#clientId;
    const session = { clientId, clean: false, properties: { sessionExpiryInterval: 3600 } };
    const client = await (this.#version === 5
      ? RawMqtt.connect5(port, session)
      : RawMqtt.connect(port, clientId, false));
    for (const [n, state] of this.#inFlight)
      client.send(state === 'published' ? this.#message(n, true) : pubrel(n));
    for (let seen = 0; !this.isDone; ) {
      while (this.#inFlight.size < 50 && this.#next < this.#total) {
        this.#inFlight.set(this.#next, 'published');
        client.send(this.#message(this.#next++, false));
      }
      if (Math.random() < CUT_SHARE) client.socket.destroy();
      if (seen === client.received.length && client.isClosed) return;
      for (; seen < client.received.length; seen++) {
        const { cmd, messageId } = client.received[seen]!;
        if (cmd === 'pubrec') {
          this.#inFlight.set(messageId! - 1, 'released');
          client.send(pubrel(messageId! - 1));
        } else if (cmd === 'pubcomp') this.#inFlight.delete(messageId! - 1);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  #message(n: number, dup: boolean) {
    return publishPacket('meter', `${n}`, { qos: 2, messageId: n + 1, dup });
  }
}

const pubrel = (n: number): Packet => ({ cmd: 'pubrel', messageId: n + 1 });
