import type { IPublishPacket, Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { temporaryDir, testHub, until } from '../testing/fixture.ts';
import { MemoryHub } from '../testing/memory-hub.ts';
import { startProcess } from '../testing/process.ts';
import { publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';

const WINDOW = 50;
const KILLS = 3;

/** A device that keeps its side of QoS 2 over connections: what has no PUBREC is sent again, then PUBREL until PUBCOMP. */
class Publisher {
  sent = 0;
  done = 0;
  isEnding = false;
  readonly #isForgetful: boolean;
  readonly #open = new Map<number, { payload: string; isReceived: boolean }>();
  #client: RawMqtt | undefined;
  #dealtWith = 0;

  /** A forgetful one sends PUBLISH again where PUBREL is due, as paho 2.1 does after two attempts to connect. */
  constructor(isForgetful: boolean) {
    this.#isForgetful = isForgetful;
  }

  get isThrough(): boolean {
    return this.isEnding && this.#open.size === 0;
  }

  async connect(port: number): Promise<void> {
    const client = await RawMqtt.connect(port, 'device', false);
    this.#client = client;
    this.#dealtWith = 1;
    for (const [messageId, one] of this.#open) {
      const { payload } = one;
      if (this.#isForgetful) one.isReceived = false;
      client.send(
        one.isReceived
          ? { cmd: 'pubrel', messageId }
          : publishPacket('t/1', payload, { messageId, qos: 2, dup: true }),
      );
    }
  }

  step(): void {
    const client = this.#client!;
    for (const { cmd, messageId } of client.received.slice(this.#dealtWith)) {
      this.#dealtWith++;
      if (cmd === 'pubrec') {
        this.#open.get(messageId!)!.isReceived = true;
        client.send({ cmd: 'pubrel', messageId: messageId! });
      } else if (cmd === 'pubcomp') {
        this.done++;
        this.#open.delete(messageId!);
      }
    }
    while (!this.isEnding && !client.isClosed && this.#open.size < WINDOW) this.publish();
  }

  publish(): void {
    const payload = `${this.sent++}`;
    const messageId = this.sent;
    this.#open.set(messageId, { payload, isReceived: false });
    this.#client!.send(publishPacket('t/1', payload, { messageId, qos: 2 }));
  }
}

/** A subscriber that keeps its side, too: what comes again under a packet id that is not released is not a message. */
class Subscriber {
  readonly received: string[] = [];
  readonly #held = new Set<number>();
  #client: RawMqtt | undefined;
  #dealtWith = 0;

  async connect(port: number): Promise<void> {
    this.#client = await RawMqtt.connect(port, 'subscriber', false);
    this.#dealtWith = 0;
  }

  async subscribe(): Promise<void> {
    this.#client!.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't/#', qos: 2 }] });
    await this.#client!.packets('suback', 1);
  }

  step(): void {
    for (const packet of this.#client!.received.slice(this.#dealtWith)) {
      this.#dealtWith++;
      if (packet.cmd === 'publish') this.#take(packet as IPublishPacket);
      else if (packet.cmd === 'pubrel') {
        this.#held.delete(packet.messageId!);
        this.#answer({ cmd: 'pubcomp', messageId: packet.messageId! });
      }
    }
  }

  #take({ messageId, payload }: IPublishPacket): void {
    if (!this.#held.has(messageId!)) this.received.push(String(payload));
    this.#held.add(messageId!);
    this.#answer({ cmd: 'pubrec', messageId: messageId! });
  }

  #answer(packet: Packet): void {
    if (!this.#client!.isClosed) this.#client!.send(packet);
  }
}

const byNumber = (a: string, b: string) => Number(a) - Number(b);

test.each([false, true])(
  'kill -9 amid QoS 2 in both directions (publisher forgets PUBREC: %s): the log has each message exactly once, and so has a subscriber with a session',
  async (isForgetful) => {
    const hub = new MemoryHub();
    const { url } = await testHub(hub);
    const dataDir = temporaryDir();
    const [publisher, subscriber] = [new Publisher(isForgetful), new Subscriber()];
    for (let kill = 0; ; kill++) {
      const agent = await startProcess({ dataDir, hub: url });
      await subscriber.connect(agent.mqttPort);
      if (kill === 0) await subscriber.subscribe();
      await publisher.connect(agent.mqttPort);
      const step = () => {
        publisher.step();
        subscriber.step();
      };
      if (kill === KILLS) {
        publisher.isEnding = true;
        await until('all is acknowledged', () => {
          step();
          return publisher.isThrough;
        });
        publisher.publish();
        const last = `${publisher.sent - 1}`;
        await until('the last one is everywhere', () => {
          step();
          return subscriber.received.at(-1) === last && hub.values().at(-1) === last;
        });
        break;
      }
      const goal = publisher.done + 200 + Math.floor(300 * Math.random());
      await until('some messages are through', () => {
        step();
        return publisher.done >= goal;
      });
      await agent.kill('SIGKILL');
      step();
    }
    const inLog = hub.values().toSorted(byNumber);
    expect(subscriber.received.toSorted(byNumber)).toEqual(inLog);
    // What had its PUBREL is a new message for the log, whoever sends it again.
    if (isForgetful) return;
    const each = Array.from({ length: publisher.sent }, (_, n) => `${n}`);
    expect(subscriber.received).toEqual(each);
    expect(inLog).toEqual(each);
  },
);
