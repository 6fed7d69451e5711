import { parseArgs } from 'node:util';
import { runWorld } from './world.ts';

const HELP = `npm run sim -- [--seeds N] [--from S] | --seed S

Drives the sync protocol's real sessions through simulated worlds: connections that break, processes that are
killed, disks that are wiped, restored and cloned. After each world: nothing acknowledged is lost, nothing is doubled,
each run is in order, gaps are exact.

  --seeds N   worlds to run (default 500)
  --from S    first seed (default 1)
  --seed S    one world, with a trace
  --help
`;

const options = {
  seeds: { type: 'string', default: '500' },
  from: { type: 'string', default: '1' },
  seed: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

const number = (flag: string, text: string) => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${flag} ${text}: a whole number from 0 is allowed`);
};

async function replay(seed: number): Promise<boolean> {
  const outcome = await runWorld({ seed, trace: (line) => console.log(line) });
  console.log(JSON.stringify(outcome, undefined, 2));
  return outcome.violations.length === 0;
}

async function sweep(from: number, count: number): Promise<boolean> {
  const totals = { records: 0, acknowledgements: 0, divergences: 0, gaps: 0, events: 0, virtualMs: 0 };
  const failed: number[] = [];
  let shownAt = Date.now();
  const startedAt = shownAt;
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await runWorld({ seed });
    for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += outcome[key];
    if (outcome.violations.length > 0) {
      failed.push(seed);
      console.error(`seed ${seed} (${outcome.faults.join(', ')}): ${outcome.violations[0]}`);
      console.error(`  replay: npm run sim -- --seed ${seed}`);
    }
    if (Date.now() - shownAt > 5_000) {
      shownAt = Date.now();
      console.log(`${seed - from + 1} of ${count} worlds, ${failed.length} failed`);
    }
  }
  const { records, acknowledgements, divergences, gaps, events, virtualMs } = totals;
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  console.log(
    `${count} worlds in ${seconds} s: ${(virtualMs / 3_600_000).toFixed(1)} h of virtual time, ${events} events, ` +
      `${records} records, ${acknowledgements} acknowledgements, ${divergences} divergences, ${gaps} gaps; ` +
      `${failed.length} failed${failed.length === 0 ? '' : `: seeds ${failed.join(' ')}`}`,
  );
  return failed.length === 0;
}

try {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const seed = values.seed ?? positionals[0];
  if (values.help) console.log(HELP);
  else {
    const passed =
      seed === undefined
        ? await sweep(number('from', values.from), number('seeds', values.seeds))
        : await replay(number('seed', seed));
    process.exitCode = passed ? 0 : 1;
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
