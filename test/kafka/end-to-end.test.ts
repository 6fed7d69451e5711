import { randomBytes } from 'node:crypto';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkDelivery, labelled } from '../harness/check-delivery.ts';
import { java } from '../harness/java.ts';
import type { KafkaProcesses } from '../harness/kafka.ts';
import { type ConsumedRecord, consumeAll } from '../harness/kcat.ts';
import { MqttLoad } from '../harness/mqtt-load.ts';
import { freePorts } from '../harness/ports.ts';
import { edgelog, type TestProcess } from '../harness/process.ts';
import { sleep, until } from '../harness/wait.ts';
import { RawPartition } from './raw-partition.ts';
import { withKafka } from './with-kafka.ts';

const DEVICES = ['device-a', 'device-b', 'device-c'];
/** Kafka tells nobody its time: where the machine's own is not synchronised, records say so. */
const UNTRUSTED = 'edgelog.clock=untrusted,';

let kafka: KafkaProcesses;
const skip = withKafka('readings from devices into Kafka', (started) => {
  kafka = started;
});

interface AgentStatus {
  streams: { lagRecords: number }[];
  uplink: { kafka: Record<'committedBatches' | 'openings' | 'refusedBatches' | 'unknownOutcomes', number> };
}

/** An agent that is killed and started again on the same directory and ports. */
class Gateway {
  readonly topic: string;
  readonly mqtt: number;
  readonly #http: number;
  readonly #args: readonly string[];
  #process: TestProcess | undefined;

  /** `data`: the name of its directory; default: that of the topic. `more`: further arguments. */
  constructor(
    topic: string,
    hub: string,
    [mqtt, http]: readonly number[],
    { data = topic, more = [] }: { data?: string; more?: readonly string[] } = {},
  ) {
    this.topic = topic;
    this.mqtt = mqtt!;
    this.#http = http!;
    this.#args = [
      ...['agent', '--data-dir', join(kafka.dir, data), '--gateway', 'gw-1', '--topic', topic],
      ...['--mqtt', `127.0.0.1:${mqtt}`, '--http', `127.0.0.1:${http}`, '--hub', hub],
      ...more,
    ];
  }

  async start(): Promise<void> {
    this.#process = edgelog(this.#args);
    await this.#process.ready();
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    await this.#process?.stop(signal);
  }

  /** Nothing of it runs until SIGCONT; what it has sent may still arrive. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.child.kill(name);
  }

  /** What it has said. */
  get said(): string {
    return this.#process?.output() ?? '';
  }

  async status(): Promise<AgentStatus> {
    const response = await fetch(`http://127.0.0.1:${this.#http}/status`);
    return (await response.json()) as AgentStatus;
  }

  /** Keeps what it takes to itself, or sends it all. */
  async setPaused(paused: boolean): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${this.#http}/uplink`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ paused }),
    });
    expect(response.ok).toBe(true);
  }

  /** Until Kafka has acknowledged all that it has. */
  async drained(): Promise<void> {
    try {
      await until('the agent has no backlog', async () => {
        const { streams } = await this.status();
        return streams.length > 0 && streams.every(({ lagRecords }) => lagRecords === 0);
      });
    } catch (cause) {
      const status = await this.status().catch(String);
      throw new Error(`${JSON.stringify(status)}\n${this.#process?.output()}`, { cause });
    }
  }
}

function loadOf(gateway: Gateway): { clientId: string; load: MqttLoad }[] {
  return DEVICES.map((clientId) => {
    const payload = labelled(clientId);
    return { clientId, load: new MqttLoad({ port: gateway.mqtt, clientId, payload, pauseMs: 5 }) };
  });
}

/** On a loaded machine a gateway may not have taken anything when a moment is over. */
async function takesMore(loads: ReturnType<typeof loadOf>): Promise<void> {
  const taken = () => loads.reduce((sum, { load }) => sum + load.acked.length, 0);
  const before = taken();
  await until('the agent takes readings', () => taken() > before);
}

const columns = (line: string): string[] => line.split('\t');

describe.skipIf(skip)('devices to Kafka', () => {
  test('the Java console consumer and kcat read every record, with its key, headers and CRC', async () => {
    const gateway = new Gateway('readings', `kafka://${kafka.bootstrap}`, await freePorts(2));
    await gateway.start();
    try {
      const loads = loadOf(gateway);
      await Promise.all(loads.map(({ load }) => load.run(500)));
      await gateway.drained();
      const records = await consumeAll(kafka.bootstrap, gateway.topic);
      checkDelivery(records, loads);
      for (const { headers, value, key } of records) {
        const [client] = value.split(':');
        expect(key).toBe(`load/${client}`);
        expect(headers.replace(UNTRUSTED, '')).toBe(`edgelog.gateway=gw-1,edgelog.source=mqtt:${client}`);
      }
      const printed = await java('org.apache.kafka.tools.consumer.ConsoleConsumer', [
        ...['--bootstrap-server', kafka.bootstrap, '--topic', gateway.topic, '--from-beginning'],
        ...['--max-messages', String(records.length), '--timeout-ms', '60000'],
        ...['--consumer-property', 'check.crcs=true', '--property', 'print.headers=true'],
        ...['--property', 'print.key=true'],
      ]);
      const byJava = printed.trim().split('\n').map(columns);
      const byKcat = records.map(({ headers, key, value }) => [headers.replaceAll('=', ':'), key, value]);
      expect(byJava.toSorted()).toEqual(byKcat.toSorted());
    } finally {
      await gateway.stop();
    }
  });

  test('an agent that is killed again and again loses and doubles nothing', async () => {
    const gateway = new Gateway('killed', `kafka://${kafka.bootstrap}`, await freePorts(2));
    await gateway.start();
    const loads = loadOf(gateway);
    const running = loads.map(({ load }) => load.run());
    try {
      for (const lifeMs of [700, 300]) {
        await takesMore(loads);
        await sleep(lifeMs);
        await gateway.stop('SIGKILL');
        await gateway.start();
      }
      await takesMore(loads);
    } finally {
      for (const { load } of loads) load.stop();
      await Promise.all(running);
    }
    await gateway.drained();
    await gateway.stop();
    checkDelivery(await consumeAll(kafka.bootstrap, gateway.topic), loads);
  });

  test('a backlog of thousands of small compressed batches is taken batch for batch, from one opening', async () => {
    const gateway = new Gateway('small-batches', `kafka://${kafka.bootstrap}`, await freePorts(2), {
      more: ['--compression', 'zstd', '--batch-bytes', '4096'],
    });
    await gateway.start();
    try {
      await gateway.setPaused(true);
      const loads = DEVICES.map((clientId) => {
        const payload = (sequence: number): Buffer =>
          Buffer.concat([labelled(clientId)(sequence), Buffer.from(`:${randomBytes(200).toString('hex')}`)]);
        return { clientId, load: new MqttLoad({ port: gateway.mqtt, clientId, payload }) };
      });
      await Promise.all(loads.map(({ load }) => load.run(2_500)));
      await gateway.setPaused(false);
      await gateway.drained();
      const { kafka: sink } = (await gateway.status()).uplink;
      expect(sink.refusedBatches).toBe(0);
      // A broker that stood still for too long has not said what became of a batch: that, and nothing else, is a reason to open the run again.
      expect(sink.openings).toBeLessThanOrEqual(1 + sink.unknownOutcomes);
      expect(sink.committedBatches).toBeGreaterThan(1_000);
      checkDelivery(await consumeAll(kafka.bootstrap, gateway.topic), loads);
    } finally {
      await gateway.stop();
    }
  });

  test('through a sync gateway without a disk, killed while the agents send', async () => {
    const [sync, http, ...ports] = await freePorts(4);
    const start = async (): Promise<TestProcess> => {
      const at = ['--sync', `127.0.0.1:${sync}`, '--http', `127.0.0.1:${http}`];
      const process = edgelog(['hub', '--sink', `kafka://${kafka.bootstrap}`, ...at]);
      await process.ready();
      return process;
    };
    let between = await start();
    const gateway = new Gateway('between', `ws://127.0.0.1:${sync}`, ports);
    await gateway.start();
    const loads = loadOf(gateway);
    const running = loads.map(({ load }) => load.run());
    try {
      await takesMore(loads);
      await sleep(700);
      await between.stop('SIGKILL');
      between = await start();
      await takesMore(loads);
      await sleep(500);
    } finally {
      for (const { load } of loads) load.stop();
      await Promise.all(running);
    }
    await gateway.drained();
    await gateway.stop();
    await between.stop();
    checkDelivery(await consumeAll(kafka.bootstrap, gateway.topic), loads);
  });

  test('a topic that is deleted and created again while an agent sends has all that comes after, once and in order', async () => {
    const topic = 'recreated';
    await kafka.admin.createTopic(topic);
    const gateway = new Gateway(topic, `kafka://${kafka.bootstrap}`, await freePorts(2));
    await gateway.start();
    const loads = loadOf(gateway);
    const running = loads.map(({ load }) => load.run());
    const hasSome = (): Promise<unknown> =>
      until('something is there', async () => (await new RawPartition(kafka, topic).highWatermark()) > 100);
    let [second, ackedBefore] = [[] as ConsumedRecord[], new Map<string, number>()];
    try {
      // While it sends.
      await hasSome();
      await kafka.admin.deleteTopic(topic);
      ackedBefore = new Map(loads.map(({ clientId, load }) => [clientId, load.acked.length]));
      await kafka.admin.createTopic(topic);
      await hasSome();
      // While it stands still, so that it can be told what was in it.
      gateway.signal('SIGSTOP');
      await untilStill(topic);
      second = await consumeAll(kafka.bootstrap, topic);
      await kafka.admin.deleteTopic(topic);
      await kafka.admin.createTopic(topic);
      gateway.signal('SIGCONT');
      await hasSome();
    } finally {
      gateway.signal('SIGCONT');
      for (const { load } of loads) load.stop();
      await Promise.all(running);
    }
    await gateway.drained();
    await gateway.stop();
    const third = await consumeAll(kafka.bootstrap, topic);
    for (const { clientId, load } of loads) {
      const [inSecond, inThird] = [second, third].map((records) => rangeOf(records, clientId));
      // What was acknowledged to the gateway is in the topic that is gone; what was not comes in the next.
      expect(inSecond!.first).toBeLessThanOrEqual(ackedBefore.get(clientId)!);
      expect(inThird!.first).toBeLessThanOrEqual(inSecond!.last + 1);
      expect(inThird!.last).toBeGreaterThanOrEqual(load.acked.at(-1)!);
    }
    expect(gateway.said.split('deleted and created again').length - 1).toBeGreaterThanOrEqual(2);
  });

  test("two agents of which one has a copy of the other one's disk are told of by name", async () => {
    const topic = 'cloned';
    const hub = `kafka://${kafka.bootstrap}`;
    const gateway = new Gateway(topic, hub, await freePorts(2));
    const clone = new Gateway(topic, hub, await freePorts(2), { data: 'clone' });
    const load = (at: Gateway): MqttLoad =>
      new MqttLoad({ port: at.mqtt, clientId: 'device-a', payload: labelled('device-a'), pauseMs: 20 });
    await gateway.start();
    await load(gateway).run(100);
    await gateway.drained();
    await gateway.stop();
    cpSync(join(kafka.dir, topic), join(kafka.dir, 'clone'), { recursive: true });
    await gateway.start();
    const loads = [load(gateway), load(clone)] as const;
    const running = [loads[0].run()];
    try {
      await until('it sends', async () => loads[0].acked.length > 0);
      await clone.start();
      running.push(loads[1].run());
      await until('somebody is told', async () => /two live agents/.test(gateway.said + clone.said));
      const [event] = await until('consumers are told', async () => {
        const events = await consumeAll(kafka.bootstrap, 'edgelog.events');
        const told = events.filter(({ value }) => value.includes('"duplicate-gateway"'));
        return told.length > 0 && told;
      });
      expect(JSON.parse(event!.value)).toMatchObject({ gateway: 'gw-1', topic });
    } finally {
      for (const one of loads) one.stop();
      await Promise.all(running);
      await Promise.all([gateway.stop(), clone.stop()]);
    }
  });
});

/** Nothing more comes of what was on its way: the broker answers so many other questions meanwhile. */
async function untilStill(topic: string): Promise<void> {
  let [last, looks] = [-1, 0];
  await until(`${topic} stands still`, async () => {
    const end = await new RawPartition(kafka, topic).highWatermark();
    looks = end === last ? looks + 1 : 0;
    last = end;
    return looks === 20;
  });
}

/** Numbers of the first and the last message of a device; fails unless all between are there, each once and in order. */
function rangeOf(records: readonly ConsumedRecord[], clientId: string): { first: number; last: number } {
  const numbers = records.flatMap(({ value }) => {
    const [client, number] = value.split(':');
    return client === clientId ? [Number(number)] : [];
  });
  const first = numbers[0]!;
  expect(numbers).toEqual(numbers.map((_, i) => first + i));
  return { first, last: first + numbers.length - 1 };
}
