import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { listen } from '@edgelog/runtime';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { catchOutput, type OperatedHub, startOperatedHub } from '../operated-hub.ts';
import { produceCommand } from '../produce/command.ts';
import { toRanges } from './group-consumer.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const PATIENT = { timeout: 120_000, interval: 100 };

let hub: OperatedHub;
const running: ChildProcess[] = [];
beforeAll(async () => {
  hub = await startOperatedHub();
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});
afterAll(() => hub.remove());

const produce = (topic: string, lines: readonly string[], ...args: string[]) =>
  produceTo(hub.server, topic, lines, ...args);
const produceTo = (server: string, topic: string, lines: readonly string[], ...args: string[]) =>
  catchOutput(() =>
    produceCommand(
      ['--bootstrap-server', server, topic, ...args],
      Readable.from([Buffer.from(lines.map((line) => `${line}\n`).join(''))]),
    ),
  );
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${from + i}`);

/** A consumer in a process of its own, and what it has printed. */
function start(...args: string[]) {
  const server = args.includes('--bootstrap-server') ? [] : ['--bootstrap-server', hub.server];
  const child = spawn(process.execPath, [MAIN, 'consume', ...server, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  const seen = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      seen[name] += text;
    });
  const values = () =>
    seen.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split('\t')[4]!);
  const ended = once(child, 'exit');
  return { child, seen, values, ended };
}
const valuesOf = (stdout: string) =>
  stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t')[4]);

test('a group goes on where it left off, after a stop in the middle of a batch too', async () => {
  await hub.operate('topics', 'create', 'resumed', '--partitions', '1');
  await produce('resumed', numbers(0, 10));
  const read = (...args: string[]) => hub.operate('consume', 'resumed', '--group', 'readers', ...args);
  const first = await read('--from-beginning', '--max-messages', '4');
  expect(valuesOf(first.stdout)).toEqual(numbers(0, 4));
  expect((await hub.operate('groups', 'describe', 'readers')).stdout).toMatch(
    /^readers +resumed +0 +4 +10 +6 /m,
  );
  expect(valuesOf((await read('--until-end')).stdout)).toEqual(numbers(4, 10));
  const state = (await hub.operate('groups', 'describe', 'readers', '--state', '--json')).stdout;
  expect(JSON.parse(state)).toMatchObject([{ group: 'readers', state: 'Empty', members: 0 }]);
  const reset = ['reset-offsets', 'readers', '--topic', 'resumed', '--to-offset', '8', '--execute'];
  expect((await hub.operate('groups', ...reset)).code).toBe(0);
  expect(valuesOf((await read('--until-end')).stdout)).toEqual(numbers(8, 10));
  const refused = await read('--partition', '0');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('a group says itself') });
});
test('partitions are named in ranges, however many they are', () => {
  expect(toRanges([])).toBe('');
  expect(toRanges([0, 1, 2, 5, 7, 8])).toBe('0-2, 5, 7-8');
});
test('two members share the partitions, and one takes over what the other leaves', async () => {
  await hub.operate('topics', 'create', 'shared', '--partitions', '2');
  const first = start('shared', '--group', 'pair', '--from-beginning');
  await expect.poll(() => first.seen.stderr, PATIENT).toContain('partitions 0-1');
  expect((await hub.operate('groups', 'describe', 'pair', '--members')).stdout).toMatch(
    / shared-0,shared-1$/m,
  );
  expect(
    await hub.operate('groups', 'reset-offsets', 'pair', '--topic', 'shared', '--to-latest', '--execute'),
  ).toMatchObject({ code: 1, stderr: expect.stringContaining('group pair is Stable') });
  const second = start('shared', '--group', 'pair', '--from-beginning');
  await expect.poll(() => second.seen.stderr, PATIENT).toMatch(/partitions [01]\n/);
  for (const partition of ['0', '1']) await produce('shared', numbers(0, 50), '--partition', partition);
  await expect.poll(() => first.values().length + second.values().length, PATIENT).toBe(100);
  expect([first.values().length, second.values().length]).toEqual([50, 50]);
  first.child.kill('SIGINT');
  expect(await first.ended).toEqual([0, null]);
  await expect.poll(() => second.seen.stderr, PATIENT).toContain('partitions 0-1');
  for (const partition of ['0', '1']) await produce('shared', numbers(50, 60), '--partition', partition);
  await expect.poll(() => second.values().length, PATIENT).toBe(70);
});
test('a consumer waits for a broker that is away, and misses nothing', async () => {
  await hub.operate('topics', 'create', 'outage', '--partitions', '1');
  await produce('outage', numbers(0, 5));
  const consumer = start('outage', '--from-beginning');
  await expect.poll(consumer.values, PATIENT).toEqual(numbers(0, 5));
  await hub.restart();
  await produce('outage', numbers(5, 10));
  await expect.poll(consumer.values, PATIENT).toEqual(numbers(0, 10));
  expect(consumer.seen.stderr).toContain('trying again');
});
test('--timeout-ms ends a consumer to which nothing comes, as in Kafka', async () => {
  await hub.operate('topics', 'create', 'quiet', '--partitions', '1');
  await produce('quiet', ['only']);
  const ended = await hub.operate('consume', 'quiet', '--from-beginning', '--timeout-ms', '3000');
  expect(ended).toMatchObject({ code: 0, stderr: 'edgelog: no record for 3000 ms\nedgelog: 1 record\n' });
});
test("Kafka's --property reads and prints keys, headers and nulls, bytes as they are", async () => {
  await hub.operate('topics', 'create', 'properties', '--partitions', '1');
  const read = ['parse.key=true', 'parse.headers=true', 'key.separator=:', 'null.marker=NULL'];
  await produce(
    'properties',
    ['a:1,b:NULL\tkey:välue', 'NULL\tkey:NULL', 'a:1\tNULL:last'],
    ...read.flatMap((one) => ['--property', one]),
  );
  const print = ['print.key=true', 'print.headers=true', 'print.offset=true', 'print.partition=true'];
  const shown = await hub.operate(
    ...(['consume', 'properties', '--from-beginning', '--until-end'] as const),
    ...[...print, 'key.separator=|', 'null.literal=-'].flatMap((one) => ['--property', one]),
  );
  expect(shown.stdout.split('\n')).toEqual([
    'Partition:0|Offset:0|a:1,b:-|key|välue',
    'Partition:0|Offset:1|NO_HEADERS|key|-',
    'Partition:0|Offset:2|a:1|-|last',
    '',
  ]);
  const json = await hub.operate('consume', 'properties', '--from-beginning', '--until-end', '--json');
  const second = JSON.parse(json.stdout.split('\n')[1]!);
  expect(second).toMatchObject({ key: 'key', value: null, headers: [] });
  const unknown = await hub.operate('consume', 'properties', '--property', 'print.keys=true');
  expect(unknown.stderr).toContain('unknown property print.keys (did you mean print.key?)');
});
test('a reader that retention overtakes goes on at what is left, and says what is gone', async () => {
  await hub.operate('topics', 'create', 'overtaken', '--partitions', '1');
  const consumer = start('overtaken', '--from-beginning');
  await produce('overtaken', numbers(0, 3));
  await expect.poll(consumer.values, PATIENT).toEqual(numbers(0, 3));
  consumer.child.kill('SIGSTOP');
  await produce('overtaken', numbers(3, 20));
  await hub.deleteRecords('overtaken', 0, 15);
  consumer.child.kill('SIGCONT');
  await expect.poll(() => consumer.values().at(-1), PATIENT).toBe('19');
  const missed = consumer.values().length < 20;
  expect(consumer.seen.stderr.includes('overtaken-0 begins at offset 15 now')).toBe(missed);
});
test('Ctrl-C ends a consumer whose broker does not answer any more', async () => {
  const sockets: Socket[] = [];
  let behind: OperatedHub | undefined;
  const proxy = createServer((socket) => {
    const onward = connect(Number(behind!.server.split(':')[1]), '127.0.0.1');
    for (const one of [socket, onward]) sockets.push(one.on('error', () => {}));
    socket.pipe(onward).pipe(socket);
  });
  const port = await listen(proxy, { host: '127.0.0.1', port: 0 }, 'test');
  behind = await startOperatedHub({ advertise: `127.0.0.1:${port}` });
  try {
    await behind.operate('topics', 'create', 'hung', '--partitions', '1');
    const patient = ['--request-timeout-ms', '600000'];
    const consumer = start('hung', '--from-beginning', '--bootstrap-server', `127.0.0.1:${port}`, ...patient);
    await produceTo(behind.server, 'hung', ['one']);
    await expect.poll(consumer.values, PATIENT).toEqual(['one']);
    for (const socket of sockets) socket.unpipe().pause();
    consumer.child.kill('SIGINT');
    expect(await consumer.ended).toEqual([0, null]);
  } finally {
    for (const socket of sockets) socket.destroy();
    proxy.close();
    await behind.remove();
  }
});
test('a server that takes the connection and says nothing is named', async () => {
  const server = createServer((socket) => void socket.on('error', () => {}));
  const port = await listen(server, { host: '127.0.0.1', port: 0 }, 'test');
  const args = ['consume', 'any', '--bootstrap-server', `127.0.0.1:${port}`, '--request-timeout-ms', '3000'];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  running.push(child);
  const [said] = await once(child.stderr.setEncoding('utf8'), 'data');
  expect(said).toBe(`edgelog: TIMEOUT: 127.0.0.1:${port} did not answer ApiVersions in 3000 ms\n`);
  expect(await once(child, 'exit')).toEqual([1, null]);
  server.close();
});
