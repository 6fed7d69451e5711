import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepareBroker } from '../bench/brokers.ts';
import { compare, outOfDate } from './compare.ts';
import { describeDifference } from './report.ts';
import { scenarios } from './scenarios/index.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    all: { type: 'boolean', default: false },
  },
});

const dir = mkdtempSync(join(tmpdir(), 'edgelog-differential-'));
const [kafka, hub] = await Promise.all([
  prepareBroker('kafka', dir),
  prepareBroker('hub', dir, { ...process.env, EDGELOG_DEFAULT_PARTITIONS: '1' }),
]);
let faults = 0;
try {
  await Promise.all([kafka.start(), hub.start()]);
  for (const scenario of scenarios) {
    if (!scenario.name.includes(values.only)) continue;
    const startedAt = performance.now();
    const prefix = `d${randomUUID().slice(0, 8)}-`;
    const differences = await compare(scenario, { kafka: kafka.port, hub: hub.port }, prefix);
    const untold = differences.filter(({ reason }) => reason === undefined);
    const stale = outOfDate(scenario, differences);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const deliberate = differences.length - untold.length;
    console.log(`${scenario.name}: ${untold.length} differ, ${deliberate} on purpose (${seconds} s)`);
    for (const difference of values.all ? differences : untold) console.log(describeDifference(difference));
    for (const [labels] of stale) console.log(`  out of date: nothing differs that matches ${labels}`);
    faults += untold.length + stale.length;
  }
} finally {
  await Promise.all([kafka.stop(), hub.stop()]);
  rmSync(dir, { recursive: true, force: true });
}
process.exitCode = faults === 0 ? 0 : 1;
