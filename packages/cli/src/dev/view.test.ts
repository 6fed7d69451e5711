import { describe, expect, test } from 'vitest';
import { formatBytes, formatDuration, formatRate, sparkline } from './format.ts';
import { commandOfKey, commandOfLine } from './input.ts';
import { breakText, renderLine, segment } from './line.ts';
import type { Snapshot } from './monitor.ts';
import { Rate } from './rate.ts';
import { renderView, type ViewModel } from './view.ts';

const snapshot: Snapshot = {
  agent: {
    streams: [
      {
        topic: 'telemetry',
        partition: 2,
        logStartOffset: 0,
        endOffset: 12_345,
        ackedOffset: 12_000,
        lagRecords: 345,
        lagBytes: 80_000,
        oldestUnackedMs: 5_600,
      },
    ],
    uplink: { state: 'paused' },
    alarms: [],
    gaps: [],
  },
  hubs: { hub: { kafkaConnections: 2, privateBytes: 80e6, broker: undefined } },
  groups: [{ groupId: 'demo', state: 'Stable', members: [{}], lag: 7, offsets: [] }],
  cluster: undefined,
  fleet: { devices: 12, connected: 11, sent: 100, acked: 99, lost: 0, ackLatencyMaxMs: 12 },
  fleetPerSecond: 60,
  agentPerSecond: 65,
  hubPerSecond: 0,
  sentBytesPerSecond: 1_234,
  agentPrivateBytes: 90e6,
  lagHistory: [0, 100, 345],
};
const child = (name: string, state: ViewModel['children'][number]['state'] = 'up') => ({
  name,
  state,
  exit: state === 'down' ? 'SIGKILL' : '',
  restarts: 0,
  logPath: `/logs/${name}.log`,
  tail: () => ['the last line'],
});
const model: ViewModel = {
  snapshot,
  children: [child('fleet'), child('serial'), child('agent'), child('hub')],
  consumeCommands: [['read all', "kcat -b 127.0.0.1:9092 -C -t telemetry -o beginning -f '%k %s\\n'"]],
  dataDir: '/data',
  uptimeMs: 65_000,
  notice: 'uplink cut',
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own sequences are taken out
const bare = (rows: string[]) => rows.map((row) => row.replace(/\x1b\[\d*m/g, ''));

describe('the view', () => {
  test('tells rates, uplink, backlog, groups, the command to type and the keys', () => {
    const text = bare(renderView(model, 120, 40)).join('\n');
    expect(text).toContain('60/s acked   11 of 12 connected');
    expect(text).toContain('65/s in   uplink CUT');
    expect(text).toContain('backlog 345 records, 80.0 kB');
    expect(text).toMatch(/telemetry\/2 +0 +12,000 +12,345 +345 +80.0 kB +5.6 s/);
    expect(text).toMatch(/demo +Stable +1 +7/);
    expect(text).toContain("kcat -b 127.0.0.1:9092 -C -t telemetry -o beginning -f '%k %s\\n'");
    expect(text).toMatch(/c cut uplink .* q quit/);
  });
  test.each([
    [20, 5],
    [40, 10],
    [60, 24],
    [80, 24],
    [200, 60],
  ])('fits %d × %d and keeps the keys', (columns, rows) => {
    const shown = bare(renderView(model, columns, rows));
    expect(shown.length).toBeLessThanOrEqual(rows);
    for (const row of shown) expect([...row].length).toBeLessThanOrEqual(columns);
    expect(shown.at(-1)).toMatch(/^c cut/);
  });
  test('a process that is down is shown with how it ended, its last lines, and the key that starts it', () => {
    const down = { ...model, children: [child('agent'), child('hub', 'down')] };
    const rows = renderView(down, 100, 40);
    const text = bare(rows).join('\n');
    expect(text).toContain('✗ hub     down (SIGKILL); h starts it again; its last lines:\n    the last line');
    expect(rows.join('')).toContain('\x1b[31m✗');
    expect(text).toContain('s start what is down');
  });
  test('of a cluster tells who leads, what lacks replicas, and which key kills whom', () => {
    const broker = (id: number, leaders: number, isController = false) => ({
      kafkaConnections: 3,
      privateBytes: 80e6,
      broker: {
        id,
        state: id === 2 ? 'gone' : 'up',
        isController,
        leaders,
        replicas: 62,
        outOfSync: id === 2 ? 62 : 0,
      },
    });
    const cluster: ViewModel = {
      ...model,
      snapshot: {
        ...snapshot,
        hubs: { 'hub-1': broker(1, 30, true), 'hub-2': broker(2, 0), 'hub-3': broker(3, 32) },
        cluster: { partitions: 62, underReplicated: 62, offline: 0 },
      },
      children: [child('agent'), child('hub-1'), child('hub-2', 'down'), child('hub-3'), child('etcd')],
    };
    const text = bare(renderView(cluster, 120, 40)).join('\n');
    expect(text).toMatch(/hub-1 +leads 30 of 62 +controller +3 Kafka connections/);
    expect(text).toMatch(/hub-2 +down \(SIGKILL\); 2 starts it again/);
    expect(text).toContain('62 partitions, 62 under-replicated, 0 without leader');
    expect(text).toContain('1…3 kill -9 a broker, start it again');
    expect(text).not.toContain('h kill -9 hub');
    for (const row of bare(renderView(cluster, 40, 30))) expect([...row].length).toBeLessThanOrEqual(40);
  });
  test('before the first status there are dashes, no nonsense', () => {
    const text = bare(renderView({ ...model, snapshot: undefined }, 100, 40)).join('\n');
    expect(text).toContain('backlog – records');
    expect(text).not.toMatch(/undefined|NaN/);
  });
});

test('a line is cut at the width, with an ellipsis, and control characters cannot move the cursor', () => {
  expect(renderLine([segment('abc'), segment('defgh')], 6)).toBe('abcde…');
  expect(renderLine([segment('abc'), segment('def')], 6)).toBe('abcdef');
  expect(renderLine([segment('a\x1b[2Jb\n')], 10)).toBe('a [2Jb ');
  expect(breakText('abcdefg', 3)).toEqual(['abc', 'def', 'g']);
});
test('figures', () => {
  expect([formatBytes(0), formatBytes(999), formatBytes(1_500), formatBytes(123_456_789)]).toEqual([
    '0 B',
    '999 B',
    '1.5 kB',
    '123 MB',
  ]);
  expect([
    formatDuration(9),
    formatDuration(9_500),
    formatDuration(125_000),
    formatDuration(7_260_000),
  ]).toEqual(['9 ms', '9.5 s', '2 min 5 s', '2 h 1 min']);
  expect([formatRate(undefined), formatRate(2.34), formatRate(1_234)]).toEqual(['–/s', '2.3/s', '1,234/s']);
  expect(sparkline([0, 500, 1_000], 2)).toBe('▅█');
});
test('a rate survives pauses and restarts of what it counts', () => {
  const rate = new Rate();
  const after = (value: number | undefined, nowMs: number) => {
    rate.update(value, nowMs);
    return rate.perSecond;
  };
  expect([
    after(10, 0),
    after(70, 1_000),
    after(undefined, 2_000),
    after(100, 3_000),
    after(5, 4_000),
    after(15, 5_000),
  ]).toEqual([undefined, 60, undefined, undefined, undefined, 10]);
});
test('keys and lines mean the same commands; what is not known is answered with the nearest', () => {
  const nobodyDown = () => false;
  expect(commandOfKey('k', 1, nobodyDown)).toBe('kill agent');
  expect(commandOfKey('\x03', 1, nobodyDown)).toBe('quit');
  expect(commandOfKey('x', 1, nobodyDown)).toBeUndefined();
  expect(commandOfKey('1', 1, nobodyDown)).toBeUndefined();
  expect(commandOfLine('  Kill   HUB ', 1)).toEqual({ command: 'kill hub' });
  expect(commandOfLine('', 1)).toEqual({});
  expect(commandOfLine('kil hub', 1).problem).toContain('did you mean kill hub?');
});
test('of a cluster each broker is killed and started by its digit', () => {
  expect(commandOfKey('2', 3, () => false)).toBe('kill hub-2');
  expect(commandOfKey('2', 3, (name) => name === 'hub-2')).toBe('start hub-2');
  expect(commandOfKey('4', 3, () => false)).toBeUndefined();
  expect(commandOfKey('h', 3, () => false)).toBeUndefined();
  expect(commandOfLine('kill hub-3', 3)).toEqual({ command: 'kill hub-3' });
  expect(commandOfLine('kill hub-4', 3).problem).toContain(
    'known: cut, restore, kill agent, kill hub-1, start hub-1',
  );
});
