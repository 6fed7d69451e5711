import { parseArgs } from 'node:util';
import { wholeNumber } from '../support/flags.ts';
import { runCampaign } from './campaign.ts';

const HELP = `node hub/test/fuzz/main.ts [--seconds N] [--seed S]

Starts a hub and lets clients misbehave: mutated requests, random messages and bytes, slow senders, connections that stay
half-open or are dropped in mid-response. Meanwhile a client that behaves writes records and reads them back. Ends with status 1
when the hub ends or logs an error, when that client is not served, or when the hub's private memory grows.

  --seconds N   how long (default 600)
  --seed S      what the attackers draw from (default: the time)
  --help
`;

const options = {
  seconds: { type: 'string', default: '600' },
  seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  help: { type: 'boolean', default: false },
} as const;

try {
  const { values } = parseArgs({ options });
  if (values.help) {
    console.log(HELP);
  } else {
    const seconds = wholeNumber('seconds', values.seconds);
    const seed = wholeNumber('seed', values.seed);
    console.log(`seed ${seed}, ${seconds} s`);
    const report = await runCampaign({ seconds, seed, onProgress: (line) => console.log(line) });
    console.log(JSON.stringify(report, undefined, 2));
    process.exitCode = report.failures.length === 0 ? 0 : 1;
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
