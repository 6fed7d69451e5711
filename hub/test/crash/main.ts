import { parseArgs } from 'node:util';
import { wholeNumber } from '../support/flags.ts';
import { runCrashCampaign } from './campaign.ts';

const HELP = `npm run crash -- [--rounds N] [--seed S]

Kills a hub with kill -9, over and over, while clients of many kinds use it: in the middle of their work, when a file of the log
changes, twice in a row, in the middle of its start. After each round everything is read and compared with what the clients were
told: acknowledged is readable with the same bytes at the same offset, offsets are dense, nothing is doubled or out of order,
committed offsets, topics and configs are as they were acknowledged. Ends with status 1 at the first round where something is not.

  --rounds N   how many (default 200)
  --seed S     what the clients and the killer draw from (default: the time); the moments stay those of the machine
  --help
`;

const options = {
  rounds: { type: 'string', default: '200' },
  seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  help: { type: 'boolean', default: false },
} as const;

try {
  const { values } = parseArgs({ options });
  if (values.help) {
    console.log(HELP);
  } else {
    const rounds = wholeNumber('rounds', values.rounds);
    const seed = wholeNumber('seed', values.seed);
    console.log(`seed ${seed}, ${rounds} rounds`);
    const report = await runCrashCampaign({ rounds, seed, onProgress: (line) => console.log(line) });
    console.log(JSON.stringify({ seed, ...report }, undefined, 2));
    process.exitCode = report.violations.length === 0 ? 0 : 1;
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
