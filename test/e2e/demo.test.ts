import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFailed, test } from 'vitest';
import { consumeFirst } from '../harness/kcat.ts';
import { freePorts } from '../harness/ports.ts';
import { edgelog } from '../harness/process.ts';
import { until } from '../harness/wait.ts';

test('edgelog dev brings simulated readings to kcat, cuts and restores the uplink, and leaves no process behind', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'edgelog-demo-'));
  const [kafka, sync, http, mqtt, agentHttp] = await freePorts(5);
  const at = (port: number | undefined): string => `127.0.0.1:${port}`;
  const dev = edgelog([
    ...['dev', '--data-dir', dir, '--kafka', at(kafka), '--sync', at(sync), '--hub-http', at(http)],
    ...['--mqtt', at(mqtt), '--agent-http', at(agentHttp)],
  ]);
  onTestFailed(() => void process.stderr.write(dev.output()));
  try {
    await dev.ready();
    expect(dev.stdout).toMatch(new RegExp(`kcat -b ${at(kafka)} -C -t telemetry`));
    const records = await consumeFirst(at(kafka), 'telemetry', 200);
    for (const source of ['mqtt:', 'serial:']) {
      expect(
        records.filter(({ headers }) => headers.includes(`edgelog.source=${source}`)).length,
      ).toBeGreaterThan(0);
    }

    const lag = async (): Promise<number> => {
      const status = (await (await fetch(`http://${at(agentHttp)}/status`)).json()) as {
        streams: { lagRecords: number }[];
      };
      return status.streams.reduce((sum, { lagRecords }) => sum + lagRecords, 0);
    };
    dev.child.stdin!.write('cut\n');
    await until('a backlog grows', async () => (await lag()) > 50);
    dev.child.stdin!.write('restore\n');
    await until('the backlog drains', async () => (await lag()) < 50);
    const children = readFileSync(`/proc/${dev.pid}/task/${dev.pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .map(Number);
    expect(children.length).toBeGreaterThanOrEqual(3);
    expect((await dev.stop()).code).toBe(0);
    for (const pid of children) expect(() => process.kill(pid, 0)).toThrow();
  } finally {
    await dev.stop('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
});
