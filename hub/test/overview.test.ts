import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Overview } from '../src/http/overview/overview.ts';
import { TestHub } from './support/test-hub.ts';

let hub: TestHub;
let base: string;
const TOPICS = 120;
beforeAll(async () => {
  hub = await TestHub.start();
  base = `http://${hub.hub.addresses.http}`;
  const kafka = new Kafka({ clientId: 'page', brokers: [hub.bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: Array.from({ length: TOPICS }, (_, i) => ({
      topic: `line-${i}`,
      numPartitions: i === 0 ? 60 : 1,
    })),
  });
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic: 'line-7', messages: [{ value: 'a' }, { value: 'b' }] });
  await producer.disconnect();
  const commit = (groupId: string, offset: string) =>
    admin.setOffsets({ groupId, topic: 'line-7', partitions: [{ partition: 0, offset }] });
  await Promise.all([commit('first', '2'), commit('second', '0')]);
  await admin.disconnect();
});
afterAll(() => hub.close());

const get = async (query: string) => (await (await fetch(`${base}/overview?${query}`)).json()) as Overview;

test('the page comes with all its files, may run nothing else, and is not sent twice', async () => {
  const page = await fetch(base);
  expect(page.headers.get('content-type')).toMatch(/^text\/html/);
  expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self'/);
  const seen = new Set<string>();
  const visit = async (url: string) => {
    if (seen.has(url)) return;
    seen.add(url);
    const response = await fetch(url);
    expect(`${url} ${response.status}`).toBe(`${url} 200`);
    const text = await response.text();
    for (const [, path] of text.matchAll(/(?:src|href|from) ?=? ?["']((?:page|\.)\/[^"']+)["']/g))
      await visit(new URL(path!, url).href);
  };
  await visit(`${base}/`);
  expect([...seen].map((url) => new URL(url).pathname).sort()).toEqual(
    [
      '/',
      ...['element', 'format', 'location', 'main', 'patch', 'rows', 'tables', 'view'].map(
        (name) => `/page/${name}.js`,
      ),
      '/page/page.css',
    ].sort(),
  );
  const known = { headers: { 'if-none-match': page.headers.get('etag')!, 'cache-control': 'no-cache' } };
  expect((await fetch(base, known)).status).toBe(304);
});

test('one answer holds a page of topics, however many there are', async () => {
  const first = await get('');
  expect(first.topics).toMatchObject({ matching: TOPICS + 1, page: 0 });
  expect(first.topics.rows).toHaveLength(50);
  const last = await get('topicsPage=3');
  expect(last.topics.rows).toHaveLength(TOPICS + 1 - 100);
  const found = await get('topics=LINE-7');
  expect(found.topics.rows.map(({ name }) => name)).toEqual([
    'line-7',
    ...Array.from({ length: 10 }, (_, i) => `line-7${i}`),
  ]);
  expect(found.topics.rows[0]).toMatchObject({ partitions: 1, records: 2, offline: 0, underReplicated: 0 });
  expect((await get('problems=1')).topics.matching).toBe(0);
});

test('a topic is shown with a page of its partitions', async () => {
  const { topic } = await get('topic=line-0&partitionsPage=2');
  expect(topic).toMatchObject({ name: 'line-0', partitions: 60, matching: 60 });
  expect(topic!.rows.map(({ partition }) => partition)).toEqual([50, 51, 52, 53, 54, 55, 56, 57, 58, 59]);
  expect(topic!.rows[0]).toMatchObject({
    leader: 1,
    isr: [1],
    log: { startOffset: 0, endOffset: 0, sizeBytes: 0 },
  });
  expect((await get('topic=nowhere')).topic).toBeNull();
});

test('groups come with their lag, and one in full', async () => {
  const { groups, group } = await get('group=second');
  expect(groups.rows.map(({ groupId, lag }) => [groupId, lag])).toEqual([
    ['first', 0],
    ['second', 2],
  ]);
  expect(group?.offsets).toEqual([
    { topic: 'line-7', partition: 0, committedOffset: 0, endOffset: 2, lag: 2 },
  ]);
  expect((await get('problems=1')).groups.rows.map(({ groupId }) => groupId)).toEqual(['second']);
});

test('a standalone hub is the only broker', async () => {
  const { brokers, isCluster, totals } = await get('');
  expect(isCluster).toBe(false);
  expect(brokers).toHaveLength(1);
  expect(brokers[0]).toMatchObject({ id: 1, state: 'up', kafka: hub.bootstrap, outOfSync: 0, fault: null });
  expect(brokers[0]!.leaders).toBe(totals.partitions);
});

test('what is asked wrongly is refused with the reason', async () => {
  const response = await fetch(`${base}/overview?topicsPage=0`);
  expect(response.status).toBe(400);
  expect(await response.text()).toMatch(/topicsPage: /);
});

test('/status can be asked for some parts, and names what it does not have', async () => {
  expect(await (await fetch(`${base}/status?part=role,gaps`)).json()).toEqual({ role: 'hub', gaps: [] });
  const response = await fetch(`${base}/status?part=nothing`);
  expect(response.status).toBe(400);
  expect(await response.text()).toMatch(/no such part.*nothing.*topics/);
});
