import { type AgentStore, agentStore, listening, numbers, recordsIn, until } from '@edgelog/sim';
import { startUplink, type Uplink, type UplinkOptions } from '@edgelog/sync';
import { apis, iterateBatches, iterateRecords } from '@edgelog/wire';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TestBrokers } from './support.ts';

let brokers: TestBrokers;
beforeAll(async () => {
  brokers = await TestBrokers.start(3, { defaultPartitions: 1 });
});
afterAll(() => brokers.close());

const uplinks: Uplink[] = [];
afterEach(async () => {
  for (const uplink of uplinks.splice(0)) await uplink.stop();
});

const urlOf = (id: number) => `ws://${brokers.hubs.get(id)!.hub.addresses.sync}`;

function connect(options: Pick<UplinkOptions, 'port' | 'log'> & { to: readonly number[] }): Uplink {
  const { to, ...rest } = options;
  const tuning = { backoffMinMs: 10, backoffMaxMs: 200 };
  const uplink = startUplink({ urls: to.map(urlOf), ...rest, tuning });
  uplinks.push(uplink);
  return uplink;
}

/** Sends records one after the other, numbered from `from`, until it is stopped; answers how many there are then. */
function feed(port: AgentStore, uplink: Uplink, from = 0): { stop(): Promise<number> } {
  let isOver = false;
  const fed = (async () => {
    let next = from;
    for (; !isOver; next += 5) {
      await port.ingest(0, numbers(next, 5));
      uplink.notify();
    }
    return next;
  })();
  return {
    stop: () => {
      isOver = true;
      return fed;
    },
  };
}

/** What consumers are told, from the leader. */
async function consumed(topic: string): Promise<number[]> {
  const records: number[] = [];
  const leader = await brokers.untilLed(topic);
  for (let offset = 0; ; ) {
    const answer = await brokers.fetch(leader, topic, offset);
    if (answer.errorCode !== 0) throw new Error(`error ${answer.errorCode}`);
    if (answer.records === null || answer.records.length === 0) return records;
    for (const { at, header } of iterateBatches(answer.records)) {
      expect(header.baseOffset).toBe(offset);
      records.push(...recordsIn(answer.records.subarray(at, at + header.sizeBytes)));
      offset = header.lastOffset + 1;
    }
  }
}

test('a gateway at any broker feeds the leader of its partition: once, in order, all acknowledged', async () => {
  await brokers.createTopic('readings', [[2, 3, 1]]);
  const stores = [1, 2, 3].map((id) =>
    agentStore({ gateway: `any-${id}`, topics: ['readings'], paddingBytes: 300 }),
  );
  const logs = stores.map(() => listening());
  stores.forEach((port, i) => {
    connect({ port, log: logs[i]!, to: [i + 1] });
  });
  for (let n = 0; n < 60; n++) {
    for (const [i, store] of stores.entries()) await store.ingest(0, numbers(i * 10_000 + n * 5, 5));
    for (const uplink of uplinks) uplink.notify();
  }
  await until(() => stores.every((store) => store.stored()[0]?.drained), 'all is acknowledged');
  const records = await consumed('readings');
  expect(records).toHaveLength(900);
  for (const i of [0, 1, 2]) {
    const own = records.filter((record) => Math.floor(record / 10_000) === i);
    expect(own).toEqual(numbers(i * 10_000, 300));
  }
  expect(logs.flatMap(({ said }) => said)).toEqual([]);
});

test('the leader moves to and fro while gateways send: no connection ends, nothing is lost, nothing is there twice', async () => {
  await brokers.createTopic('moving', [[1, 2, 3]]);
  const log = listening();
  const port = agentStore({ gateway: 'mover', topics: ['moving'], paddingBytes: 300 });
  const uplink = connect({ port, log, to: [3] });
  const fed = feed(port, uplink);
  for (const replicas of [
    [2, 1, 3],
    [3, 1, 2],
    [1, 2, 3],
  ]) {
    const { ackedBatches } = uplink.status();
    await until(() => uplink.status().ackedBatches > ackedBatches + 20, 'data flows');
    await brokers.call(1, apis.alterPartitionReassignments, {
      timeoutMs: 30_000,
      topics: [{ name: 'moving', partitions: [{ partitionIndex: 0, replicas }] }],
    });
    await until(async () => {
      await brokers.call(1, apis.electLeaders, {
        electionType: 0,
        timeoutMs: 30_000,
        topicPartitions: [{ topic: 'moving', partitions: [0] }],
      });
      return (await brokers.partition('moving'))?.leaderId === replicas[0];
    }, `broker ${replicas[0]} leads`);
  }
  const n = await fed.stop();
  await until(() => port.stored()[0]?.drained === true, 'all is acknowledged');
  expect(await consumed('moving')).toEqual(numbers(0, n));
  const opened = brokers.hubs
    .get(3)!
    .logLines('run opened')
    .filter((line) => line.includes('"moving"'));
  expect(new Set(opened.map((line) => JSON.parse(line).leaderId))).toEqual(new Set([1, 2, 3]));
  expect(uplink.status().connections).toBe(1);
  expect(log.said).toEqual([]);
});

test('a broker that stops sends its gateways to the others, which go on where they were', async () => {
  await brokers.createTopic('handed-over', [[3, 1, 2]]);
  const log = listening();
  const port = agentStore({ gateway: 'nomad', topics: ['handed-over'], paddingBytes: 300 });
  const uplink = connect({ port, log, to: [3] });
  await port.ingest(0, numbers(0, 5));
  uplink.notify();
  await until(() => port.stored()[0]?.drained === true, 'the first are acknowledged');
  await uplink.stop();
  const wide = connect({ port, log, to: [3, 1, 2] });
  const fed = feed(port, wide, 5);
  await until(() => wide.status().ackedBatches > 20, 'data flows');
  await brokers.stop(3);
  const n = await fed.stop();
  await until(() => port.stored()[0]?.drained === true, 'all is acknowledged');
  expect(wide.status().url).not.toBe(urlOf(3));
  expect(await consumed('handed-over')).toEqual(numbers(0, n));
  expect(log.said.map(({ event }) => event).filter((event) => event !== 'not connected to the hub')).toEqual(
    [],
  );
  await brokers.add(3);
});

test('two live agents under one name at two brokers are found out; one that moved is let in', async () => {
  const instanceOf = (instance: string) => {
    const port = agentStore({ gateway: 'twin' });
    port.identity.instance = instance;
    return port;
  };
  const log = listening();
  const original = connect({ port: instanceOf('original'), log, to: [1] });
  await until(() => original.status().state === 'live', 'the original is live');
  const clone = connect({ port: instanceOf('clone'), log, to: [2] });
  await until(() => clone.status().state === 'refused', 'the clone is refused');
  expect(clone.status().refusal?.message).toMatch(
    /original at .* is live, instance clone at .*, broker 2 is refused/,
  );
  expect(original.status()).toMatchObject({ state: 'live', connections: 1 });
  await clone.stop();
  const moved = connect({ port: instanceOf('original'), log, to: [2] });
  await until(() => moved.status().state === 'live', 'the one that moved is live');
  await until(() => /shutting-down/.test(original.status().lastError ?? ''), 'its older session is over');
});

test('a topic that is deleted and created again goes on from where its runs stood', async () => {
  await brokers.createTopic('again', [[2, 1, 3]]);
  const log = listening();
  const port = agentStore({ gateway: 'phoenix', topics: ['again'], keepAcked: 1_000 });
  const uplink = connect({ port, log, to: [1] });
  await port.ingest(0, numbers(0, 20));
  uplink.notify();
  await until(() => port.stored()[0]?.drained === true, 'the first are acknowledged');
  await brokers.call(1, apis.deleteTopics, {
    timeoutMs: 30_000,
    topics: [{ name: 'again', topicId: '00000000-0000-0000-0000-000000000000' }],
  });
  await port.ingest(0, numbers(20, 5));
  uplink.notify();
  await until(async () => {
    await brokers.createTopic('again', [[3, 1, 2]]).catch(() => {});
    return (await brokers.partition('again'))?.leaderId === 3;
  }, 'the topic is there again');
  await until(() => port.stored()[0]?.drained === true, 'all is acknowledged');
  expect(await consumed('again')).toEqual(numbers(20, 5));
  expect(uplink.status().divergences).toEqual([]);
});

test('what happens to gateways at any broker is told in one topic, whoever leads it', async () => {
  for (const id of [1, 2, 3]) {
    const port = agentStore({ gateway: `refused-${id}`, topics: ['edgelog.events'] });
    await port.ingest(0, [1]);
    connect({ port, log: listening(), to: [id] });
  }
  await until(() => uplinks.every(isRefused), 'all are refused');
  const gateways = new Set<string>();
  await until(async () => {
    const leader = await brokers.untilLed('edgelog.events');
    const { records } = await brokers.fetch(leader, 'edgelog.events', 0);
    for (const { at, header } of iterateBatches(records ?? Buffer.alloc(0)))
      for (const { value } of iterateRecords(records!.subarray(at, at + header.sizeBytes))) {
        const { event, gateway } = JSON.parse(String(value)) as { event: string; gateway: string };
        if (event === 'refusal') gateways.add(gateway);
      }
    return gateways.size === 3;
  }, 'all are told');
});

const isRefused = (uplink: Uplink) => uplink.status().streams.some(({ state }) => state === 'refused');
