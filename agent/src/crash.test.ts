import type { Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { NO_HUB, temporaryDir, testHub } from './testing/fixture.ts';
import { MemoryHub } from './testing/memory-hub.ts';
import { startProcess } from './testing/process.ts';
import { publishPacket, RawMqtt } from './testing/raw-mqtt.ts';

const ROUNDS = 6;
const QOS2_ROUNDS = 3;
/** Processes start slowly on a busy machine. */
const TIMEOUT_MS = 180_000;
/** Of the milliseconds that a sender of QoS 2 is connected, those in which it is cut off. */
const CUT_SHARE = 0.005;
/** Publishes numbered messages at QoS 1 in bursts until the connection ends; answers how many were acknowledged. */
async function publishUntilCut(client: RawMqtt, clientId: string): Promise<number> {
  const acked = () => client.received.filter(({ cmd }) => cmd === 'puback').length;
  for (let next = 0; !client.isClosed; ) {
    const burst = Array.from({ length: 1 + Math.floor(Math.random() * 200) }, () => next++);
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

async function drained(httpPort: number): Promise<void> {
  let status: { streams: { lagRecords: number }[] };
  const deadline = performance.now() + 10_000;
  do {
    await new Promise((resolve) => setTimeout(resolve, 20));
    status = (await (await fetch(`http://127.0.0.1:${httpPort}/status`)).json()) as typeof status;
    if (performance.now() > deadline) throw new Error(`a backlog stays: ${JSON.stringify(status)}`);
  } while (status.streams.some(({ lagRecords }) => lagRecords > 0));
}

test(`kill -9 under load, ${ROUNDS} times: what was acknowledged is at the hub, in order, and nothing is doubled`, async () => {
  const hub = new MemoryHub();
  const server = await testHub(hub);
  const dataDir = temporaryDir();
  const acked = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    const agent = await startProcess({
      dataDir,
      hub: server.url,
      args: ['--linger-ms', '5', '--batch-bytes', '4096'],
    });
    const names = ['a', 'b', 'c'].map((name) => `${name}${round}`);
    const clients = await Promise.all(names.map((name) => RawMqtt.connect(agent.mqttPort, name)));
    const publishing = Promise.all(
      names.map(async (name, i) => acked.set(name, await publishUntilCut(clients[i]!, name))),
    );
    await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 400));
    await agent.kill('SIGKILL');
    await publishing;
  }
  const last = await startProcess({ dataDir, hub: server.url });
  await drained(last.httpPort);
  expect(await last.kill('SIGTERM')).toBe(0);
  expect(hub.runs.size).toBe(1);

  const stored = new Map<string, number[]>();
  for (const { key, value } of hub.records()) {
    const clientId = key!.toString();
    stored.set(clientId, [...(stored.get(clientId) ?? []), Number(value)]);
  }
  expect([...acked.values()].filter((count) => count > 0).length).toBeGreaterThan(ROUNDS);
  for (const [clientId, count] of acked) {
    const at = stored.get(clientId) ?? [];
    expect(at).toEqual(at.map((_, i) => i));
    expect(at.length).toBeGreaterThanOrEqual(count);
  }
});

/** A QoS 2 sender with a persistent session, cut off now and then: as the standard has it, it sends again what is not through [MQTT-4.4.0-1]. */
class ExactlyOnceSender {
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

test.each([
  ['3.1.1', 4, 1500],
  ['5.0', 5, 800],
] as const)(
  'kill -9 in the midst of QoS 2 handshakes (MQTT %s): every message is at the hub exactly once',
  async (_, version, total) => {
    const hub = new MemoryHub();
    const server = await testHub(hub);
    const dataDir = temporaryDir();
    const sender = new ExactlyOnceSender(total, version);
    for (let round = 0; !sender.isDone; round++) {
      const agent = await startProcess({ dataDir, hub: server.url, args: ['--batch-bytes', '2048'] });
      const { mqttPort } = agent;
      let isKilled = false;
      const kill = setTimeout(
        () => {
          isKilled = true;
          void agent.kill('SIGKILL');
        },
        round < QOS2_ROUNDS ? 50 + Math.random() * 150 : 60_000,
      );
      while (!sender.isDone && !isKilled) await sender.run(mqttPort).catch(() => {});
      clearTimeout(kill);
      if (sender.isDone) await drained(agent.httpPort);
      await agent.kill('SIGKILL');
    }
    expect(
      hub
        .values()
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: total }, (_, n) => n));
  },
  TIMEOUT_MS,
);

test('a data directory in use is named, and the agent that uses it goes on', async () => {
  const dataDir = temporaryDir();
  const agent = await startProcess({ dataDir, hub: NO_HUB });
  await expect(startProcess({ dataDir, hub: NO_HUB })).rejects.toThrow(dataDir);
  const client = await RawMqtt.connect(agent.mqttPort, 'dev');
  client.send(publishPacket('t', 'x'));
  await client.packets('puback', 1);
  expect(await agent.kill('SIGTERM')).toBe(0);
});
