import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NO_HUB, temporaryDir } from './testing/fixture.ts';
import { startProcess } from './testing/process.ts';
import { publishPacket, RawMqtt } from './testing/raw-mqtt.ts';

async function publish(mqttPort: number, value: string): Promise<void> {
  const client = await RawMqtt.connect(mqttPort, 'dev');
  client.send(publishPacket('t', value));
  await client.packets('puback', 1);
  client.socket.end();
}

test.each([
  ['taken away', (dir: string) => rmSync(dir, { recursive: true })],
  [
    'replaced',
    (dir: string) => {
      renameSync(dir, `${dir}.old`);
      cpSync(`${dir}.old`, dir, { recursive: true });
    },
  ],
])(
  'a data directory that is %s under a running agent: it says so and ends instead of acknowledging what would be lost, and the next start works',
  async (_, befall) => {
    const dataDir = join(temporaryDir(), 'data');
    const agent = await startProcess({ dataDir, hub: NO_HUB });
    await publish(agent.mqttPort, 'a');
    befall(dataDir);
    expect(await agent.exited).toBe(1);
    expect(agent.stderr()).toMatch(/^edgelog: STORE_FAILED: the data directory .*data was /m);
    const again = await startProcess({ dataDir, hub: NO_HUB });
    await publish(again.mqttPort, 'b');
    expect(await again.kill('SIGTERM')).toBe(0);
  },
);
