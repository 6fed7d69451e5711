import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDir, testAgent, until } from './testing/fixture.ts';
import { publishPacket, RawMqtt } from './testing/raw-mqtt.ts';

const MIB = 2 ** 20;
const BUDGET_BYTES = 16 * MIB;

/** Bytes on the disk below a directory. */
function diskUsage(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).blocks * 512, 0);
}

test('limits not honoured (Fluent Bit): the budget counts what is kept for local clients and what is set aside, and has shares for them', async () => {
  const dataDir = temporaryDir();
  mkdirSync(join(dataDir, 'segments'), { recursive: true });
  mkdirSync(join(dataDir, 'set-aside'));
  writeFileSync(join(dataDir, 'set-aside', 'rest.batch'), Buffer.alloc(MIB, 'x'));
  const agent = await testAgent({ dataDir, maxDiskBytes: BUDGET_BYTES, compression: 'none' });
  const client = await RawMqtt.connect(agent.mqttPort, 'dev');
  for (let n = 1; n <= 60; n++) {
    client.send(publishPacket(`t/${n}`, Buffer.alloc(40_000, 'x'), { messageId: n, retain: true }));
    await client.packets('puback', n);
  }
  const { mqtt } = agent.status();
  expect(mqtt.store.retained.bytes).toBeGreaterThan(BUDGET_BYTES / 128);
  expect(mqtt.store.retained.bytes).toBeLessThan(BUDGET_BYTES / 32);
  expect(diskUsage(join(dataDir, 'mqtt'))).toBeLessThan(BUDGET_BYTES / 16);
  await until('all is counted', () => agent.status().disk.usedBytes >= 0.98 * diskUsage(dataDir));
});
