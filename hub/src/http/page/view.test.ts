import { type Element, textOf } from '@edgelog/runtime/page/element.js';
import { formatAge, formatBytes, formatCount, formatDuration } from '@edgelog/runtime/page/format.js';
import { describe, expect, test } from 'vitest';
import type { Overview } from '../overview/overview.ts';
import { hashOf, placeOf, placeWith } from './location.js';
import { contentView, headerView, noticeView } from './view.js';

const HOSTILE = '<img src=x onerror=alert(1)>';

const broker = {
  id: 1,
  state: 'up',
  kafka: 'a:9092',
  rack: 'r1',
  isController: true,
  leaders: 3,
  replicas: 4,
  outOfSync: 0,
  fault: null,
  reasons: [],
  uptimeMs: 90_000,
  connections: { kafka: 2, sync: 1 },
  memoryBytes: 90e6,
  disk: { liveBytes: 1, physicalBytes: 2e6, freeBytes: 3e9 },
  damagedRanges: 0,
} as const satisfies Overview['brokers'][number];

const overview: Overview = {
  nowMs: 1_000_000,
  brokerId: 1,
  clusterId: 'cluster-id',
  isCluster: true,
  controllerId: 1,
  pageRows: 50,
  totals: { partitions: 4, underReplicated: 1, offline: 1, topics: 120, gatewaysLive: 1, lostRecords: 7 },
  brokers: [
    broker,
    {
      ...broker,
      id: 2,
      state: 'gone',
      kafka: null,
      rack: null,
      isController: false,
      outOfSync: 4,
      uptimeMs: null,
      connections: null,
      memoryBytes: null,
      disk: null,
    },
    { ...broker, id: 3, isController: false, fault: 'no report in 1000 ms' },
  ],
  topics: {
    matching: 120,
    page: 1,
    rows: [
      {
        name: HOSTILE,
        internal: false,
        partitions: 3,
        offline: 1,
        underReplicated: 1,
        records: 12_345,
        isPartial: true,
      },
    ],
  },
  topic: {
    name: HOSTILE,
    internal: false,
    id: 'id',
    configs: { 'retention.ms': '1' },
    partitions: 1,
    offline: 0,
    underReplicated: 1,
    records: 5,
    isPartial: false,
    matching: 1,
    page: 0,
    rows: [
      {
        partition: 0,
        leader: 3,
        leaderEpoch: 9,
        replicas: [3, 1, 2],
        isr: [3, 1],
        elr: [],
        adding: [],
        removing: [],
        log: { startOffset: 10, endOffset: 15, sizeBytes: 1_234 },
      },
    ],
  },
  groups: {
    matching: 1,
    page: 0,
    rows: [
      {
        groupId: HOSTILE,
        state: 'Stable',
        protocolType: 'consumer',
        protocol: 'range',
        members: 2,
        lag: 42,
        isLagPartial: true,
        coordinator: 3,
      },
    ],
  },
  group: {
    groupId: HOSTILE,
    members: [{ memberId: HOSTILE, clientId: 'c', clientHost: '/127.0.0.1' }],
    memberCount: 1_000,
    offsets: [{ topic: HOSTILE, partition: 0, committedOffset: 1, endOffset: null, lag: null }],
    offsetCount: 1,
  },
  gateways: {
    matching: 1,
    page: 0,
    isPartial: false,
    rows: [
      {
        gateway: HOSTILE,
        state: 'absent',
        lastSeenAtMs: 940_000,
        remote: null,
        streams: 1,
        backlogRecords: null,
        problem: null,
        broker: null,
        lostRecords: 7,
      },
    ],
  },
  damage: {
    matching: 1,
    rows: [{ broker: 1, topic: HOSTILE, partition: 0, firstOffset: 5, nextOffset: 9, reason: 'crc' }],
  },
};

const show = (hash: string, given = overview) => {
  const place = placeOf(hash);
  return [...headerView(given, place), ...contentView(given, place)];
};
const text = (hash: string, given = overview) => textOf(show(hash, given));
function* all(elements: readonly (Element | string)[]): Generator<Element> {
  for (const one of elements) {
    if (typeof one === 'string') continue;
    yield one;
    yield* all(one.children);
  }
}

describe('the page', () => {
  test('shows brokers, who is gone, who does not answer, and what is damaged', () => {
    const shown = text('');
    expect(shown).toContain('cluster cluster-id, 3 brokers, seen by broker 1');
    expect(shown).toMatch(/brokers 2 of 3 +!/);
    expect(shown).toMatch(/2 gone/);
    expect(shown).toMatch(/up +no report in 1000 ms/);
    expect(shown).toContain('2.0 MB, 3.0 GB free');
    expect(shown).toContain('5 to 8');
    const unwell = { ...broker, reasons: ['not registered in the cluster'] };
    expect(text('', { ...overview, brokers: [unwell, broker] })).toMatch(/brokers 1 of 2 +!/);
  });
  test('shows topics, what is wrong with them, and the pages', () => {
    const shown = text('#/topics?topicsPage=2');
    expect(shown).toMatch(/1 without leader 3 ≥ 12,345/);
    expect(shown).toContain('Page 2 of 3, 120 in all');
  });
  test('shows who leads a partition and who is in sync', () => {
    expect(text('#/topics?topic=x')).toMatch(/0 3 3, 1 3, 1, 2 9 10 15 1.2 kB/);
    expect(text('#/topics?topic=x')).toContain('Set: retention.ms=1.');
    expect(text('#/topics?topic=x', { ...overview, topic: null })).toContain('There is no topic x.');
  });
  test('shows groups, their lag and their coordinator', () => {
    expect(text('#/groups')).toMatch(/Stable 2 ≥ 42 range 3/);
    expect(text('#/groups?group=x')).toContain('The first 1 of 1,000.');
  });
  test('shows gateways with last seen, backlog and what they lost', () => {
    expect(text('#/gateways')).toMatch(/absent 1 min ago – 7 1 – –/);
  });
  test('of a standalone hub says nothing of replicas', () => {
    const alone = { ...overview, isCluster: false };
    for (const hash of ['#/brokers', '#/topics', '#/topics?topic=x', '#/groups', '#/gateways'])
      expect(text(hash, alone)).not.toMatch(/In sync|Coordinator|Rack|under-replicated /);
  });
  test('names that clients chose are text, and in an address they are encoded', () => {
    for (const hash of [
      '#/brokers',
      '#/topics',
      '#/topics?topic=x',
      '#/groups',
      '#/groups?group=x',
      '#/gateways',
    ]) {
      expect(text(hash)).toContain(HOSTILE);
      for (const { tag, attributes } of all(show(hash))) {
        expect(['script', 'img', 'style', 'iframe']).not.toContain(tag);
        for (const [name, value] of Object.entries(attributes)) {
          expect(name).not.toMatch(/^on|^style$|^src/);
          if (name === 'href') expect(value).toMatch(/^#\/[a-z]+(\?[\w%.*+=&-]*)?$/);
        }
      }
    }
  });
  test('every table has a caption, titles of columns and of rows', () => {
    const tables = [...all(show('#/topics'))].filter(({ tag }) => tag === 'table');
    expect(tables).toHaveLength(1);
    const inside = [...all(tables)];
    expect(inside.some(({ tag }) => tag === 'caption')).toBe(true);
    expect(inside.filter(({ attributes }) => attributes.scope === 'col')).toHaveLength(4);
    expect(inside.filter(({ attributes }) => attributes.scope === 'row')).toHaveLength(1);
  });
  test('says what was not found', () => {
    const none = { ...overview, topics: { matching: 0, page: 0, rows: [] } };
    expect(text('#/topics', none)).toContain('There is no topic.');
    expect(text('#/topics?topics=abc', none)).toContain('Nothing has abc in its name.');
    expect(text('#/topics?problems=1', none)).toContain('Nothing needs a look.');
  });
});

test('a hub that does not answer is told, with the age of what is shown', () => {
  expect(noticeView(undefined, undefined, 0)).toBe('Asking the hub …');
  expect(noticeView(5_000, undefined, 9_000)).toBe('');
  expect(noticeView(5_000, 7_000, 65_000)).toContain('What is shown is 1 min old.');
  expect(noticeView(undefined, 7_000, 65_000)).toContain('The hub does not answer. Trying again');
});

test('an address keeps where one stands, and takes nothing else', () => {
  const place = placeOf('#/groups?groups=a%26b&groupsPage=2&nonsense=1');
  expect(place).toEqual({ view: 'groups', parameters: { groups: 'a&b', groupsPage: '2' } });
  expect(placeOf(hashOf(place))).toEqual(place);
  expect(hashOf(placeWith(place, { groups: '', groupsPage: '' }))).toBe('#/groups');
  expect(placeOf('#/__proto__?groups=')).toEqual({ view: 'brokers', parameters: {} });
});

test('figures are short, and what is not known is a dash', () => {
  expect([formatCount(1_234_567), formatCount(null)]).toEqual(['1,234,567', '–']);
  expect([0, 999, 1_000, 99_900, 999_999, 5e15].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '100 kB',
    '1.0 MB',
    '5.0 PB',
  ]);
  expect([0, 59_000, 60_000, 3_660_000, 200_000_000].map(formatDuration)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '1 h 1 min',
    '2 days',
  ]);
  expect([formatAge(5, 7), formatAge(5, 3_005), formatAge(null, 7)]).toEqual(['now', '3 s ago', '–']);
});
