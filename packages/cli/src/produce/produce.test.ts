import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { catchOutput, type OperatedHub, startOperatedHub } from '../operated-hub.ts';
import { produceCommand } from './command.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

let hub: OperatedHub;
beforeAll(async () => {
  hub = await startOperatedHub();
});
afterAll(() => hub.remove());

const produce = (input: Iterable<string | Buffer>, ...args: string[]) =>
  catchOutput(() =>
    produceCommand(
      ['--bootstrap-server', hub.server, ...args],
      Readable.from(Array.from(input, Buffer.from)),
    ),
  );
interface Printed {
  partition: number;
  offset: number;
  key: string | null;
  value: string;
}
async function consume(...args: string[]): Promise<Printed[]> {
  const { code, stdout } = await hub.operate('consume', '--json', '--from-beginning', '--until-end', ...args);
  expect(code).toBe(0);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
  'what is produced with %s comes back whole, in the order of each key',
  async (codec) => {
    const topic = `codec-${codec}`;
    await hub.operate('topics', 'create', topic, '--partitions', '3');
    const lines = Array.from({ length: 20_000 }, (_, i) => `device-${i % 7}:reading ${i}\n`);
    const chunks = lines.join('').match(/[\s\S]{1,50000}/g) ?? [];
    const args = ['--topic', topic, '--key-separator', ':', '--compression', codec];
    expect(await produce(chunks, ...args)).toEqual({
      code: 0,
      stdout: `produced 20000 records to topic ${topic}\n`,
      stderr: '',
    });
    const records = await consume(topic);
    expect(records.length).toBe(20_000);
    for (let device = 0; device < 7; device++) {
      const own = records.filter(({ key }) => key === `device-${device}`);
      expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
      expect(own.map(({ value }) => Number(value.split(' ')[1]))).toEqual(
        Array.from({ length: own.length }, (_, i) => i * 7 + device),
      );
    }
  },
);
test('a range of one partition is printed as text, control characters escaped', async () => {
  await hub.operate('topics', 'create', 'plain', '--partitions', '2');
  await produce(['zero\none\r\n', 'two', '\x1b[31m\ttwo\n\nlast'], 'plain', '--partition', '1');
  const args = ['--topic', 'plain', '--partition', '1', '--offset', '1', '--max-messages', '2'];
  const { stdout, stderr } = await hub.operate('consume', ...args);
  const lines = stdout.split('\n').map((line) => line.split('\t').slice(1));
  expect(lines).toEqual([['1', '1', 'null', 'one'], ['1', '2', 'null', 'two\\x1b[31m\\ttwo'], []]);
  expect(stderr).toBe('edgelog: 2 records\n');
  expect((await consume('plain')).map(({ value }) => value)).toEqual([
    'zero',
    'one',
    'two\x1b[31m\ttwo',
    '',
    'last',
  ]);
});
test('what cannot be done is one clear line', async () => {
  await hub.operate('topics', 'create', 'small', '--config', 'max.message.bytes=1024', '--partitions', '1');
  await expect(produce(['x\n'], 'nowhere')).rejects.toThrow('topic nowhere: UNKNOWN_TOPIC_OR_PARTITION');
  await expect(produce(['x\n'], 'small', '--partition', '1')).rejects.toThrow('topic small has 1 partitions');
  await expect(produce([`${'x'.repeat(5000)}\n`], 'small')).rejects.toThrow('MESSAGE_TOO_LARGE');
  await expect(produce(['a=1\nb\n'], 'small', '--key-separator', '=')).rejects.toThrow(
    'line 2 has no key separator "="',
  );
  const failing = async (...args: string[]) => (await hub.operate('consume', ...args)).stderr;
  expect(await failing('nowhere')).toContain('topic nowhere: UNKNOWN_TOPIC_OR_PARTITION');
  expect(await failing('small', '--offset', '5')).toContain('--offset 5 needs --partition');
  expect(await failing('small', '--offset', '5', '--partition', '0')).toContain(
    'small-0: OFFSET_OUT_OF_RANGE',
  );
});
test('what is printed reaches a slow reader whole', async () => {
  await hub.operate('topics', 'create', 'slow', '--partitions', '1');
  const lines = Array.from({ length: 5_000 }, (_, i) => `${i} ${'x'.repeat(100)} \n`);
  await produce([lines.join('')], 'slow');
  const args = [MAIN, 'consume', 'slow', '--bootstrap-server', hub.server, '--from-beginning', '--until-end'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) {
    chunks.push(chunk);
    await sleep(50);
  }
  const values = Buffer.concat(chunks)
    .toString()
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t')[4]);
  expect(values).toEqual(lines.map((line) => line.slice(0, -1)));
});
test('Ctrl-C ends a consumer that waits, with what it has printed', async () => {
  await hub.operate('topics', 'create', 'live');
  const args = [MAIN, 'consume', 'live', '--bootstrap-server', hub.server, '--from-beginning'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await produce(['hello\n'], 'live');
  const [printed] = await once(child.stdout.setEncoding('utf8'), 'data');
  expect(printed).toContain('\thello\n');
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
});
test('batches wait for a broker that is away, and are there once', async () => {
  await hub.operate('topics', 'create', 'patient', '--partitions', '1');
  const lines = async function* () {
    for (let i = 0; i < 200; i++) {
      yield Buffer.from(`${i}\n`);
      if (i === 100) await hub.restart();
    }
  };
  await catchOutput(() =>
    produceCommand(['--bootstrap-server', hub.server, 'patient', '--linger-ms', '0'], Readable.from(lines())),
  );
  expect((await consume('patient')).map(({ value }) => Number(value))).toEqual(
    Array.from({ length: 200 }, (_, i) => i),
  );
});
