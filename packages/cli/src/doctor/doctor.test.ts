import { afterAll, beforeAll, expect, test } from 'vitest';
import { dispatch } from '../dispatch.ts';
import { catchOutput, type OperatedHub, startOperatedHub } from '../operated-hub.ts';

let hub: OperatedHub;
beforeAll(async () => {
  hub = await startOperatedHub();
});
afterAll(() => hub.remove());

const doctor = (...args: string[]) => catchOutput(() => dispatch(['doctor', ...args]));
/** Nobody listens there. */
const NOBODY = '127.0.0.1:9';

test('a cluster that takes what gateways send, step by step, and what to change in a topic', async () => {
  await hub.operate('topics', '--create', '--topic', 'readings');
  const { code, stdout } = await doctor('--hub', `kafka://${hub.server}`, '--topic', 'readings,alarms');
  expect(stdout).toMatch(/ok +bootstrap .* answers in/);
  expect(stdout).toMatch(/ok +bootstrap .* has every call that is needed/);
  expect(stdout).toMatch(/ok +cluster: .*brokers 1/);
  expect(stdout).toMatch(/ok +topic __edgelog_positions: is not there; it is created/);
  expect(stdout).toMatch(/ok +topic readings: is there \(partitions: 6\).*Read, Write, Describe/);
  expect(stdout).toMatch(/warning +topic readings: retention.ms=604800000: .*\n +→ set retention.ms/);
  expect(stdout).toMatch(/ok +topic alarms: is not there; it is created/);
  expect(code).toBe(0);
  const listed = await hub.operate('topics', '--list');
  expect(listed.stdout).not.toMatch(/alarms|__edgelog_positions/);
});

test('one bootstrap server of two that is away is a warning, all away a problem', async () => {
  const one = await doctor('--hub', `kafka://${NOBODY},${hub.server}`, '--json');
  expect(JSON.parse(one.stdout)).toMatchObject({ ok: true });
  expect(one.stdout).toMatch(/"warning",\s+"says": ".*ECONNREFUSED/);
  const none = await doctor('--hub', `kafka://${NOBODY}`);
  expect(none.stdout).toMatch(/problem +bootstrap .*ECONNREFUSED.*\n +→ check the name/);
  expect(none.code).toBe(1);
});

test('a topic that is missing and may not be created is a problem', async () => {
  const { code, stdout } = await doctor('--hub', `kafka://${hub.server}`, '--no-sink-create-topics');
  expect(stdout).toMatch(/problem +topic telemetry: is not there, and may not be created/);
  expect(code).toBe(1);
});

test('what does not speak TLS, or not Kafka, is told as such', async () => {
  const tls = await doctor('--hub', `kafka+tls://${hub.server}`);
  expect(tls.stdout).toMatch(/problem .*speaks no TLS: use kafka:\/\/ in place of/);
  expect(tls.code).toBe(1);
});

test('a hub welcomes gateways; a port that is no sync port does not', async () => {
  const { code, stdout } = await doctor('--hub', `ws://127.0.0.1:${hub.syncPort}`);
  expect(stdout).toMatch(/ok +hub .* welcomes gateways/);
  expect(code).toBe(0);
  const wrong = await doctor('--hub', `ws://${hub.server}`);
  expect(wrong.stdout).toMatch(/problem +hub .*\n +→ is it the port of --sync/);
  expect(wrong.code).toBe(1);
});
