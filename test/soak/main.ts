/** `npm run soak -- [hub|gateway] --minutes 30`: do they hold their promises, speed, memory and disk over a long run? */
import { parseArgs } from 'node:util';
import { installPeers } from '../setup/peers.ts';
import { soakGateway } from './gateway/soak.ts';
import { soak } from './soak.ts';
import type { Finding } from './verdict.ts';

const HELP = `Usage: npm run soak [-- hub|gateway] [-- --minutes N] [--seed N]

hub      producers at full speed (batches of 16 and 128 KB, and some small), a consumer that follows them, topics of different
         retention by bytes and by time, one compacted. Prints a row a minute (twelve rows at least) and then what was found:
         throughput of the last third against the first minutes, memory, disk. Needs some 10 GB of disk.
gateway  a gateway with devices and a serial line; the uplink is cut, delayed and deaf one way, agent and hub are killed, the
         disk is filled and freed, a backlog outgrows it, the clock jumps, the serial line is unplugged. Then what devices were told is compared with
         what a consumer reads. As root, who may mount a small disk.

Without a word: hub. Status 1 when something is not as it must be.

  --minutes N  how long (default 30; 2 for a smoke run)
  --seed N     gateway: which faults happen when (default: another one each time)`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    help: { type: 'boolean' },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const [what = 'hub'] = positionals;
const print = (line: string): void => console.log(line);
const SOAKS: Record<string, () => Promise<Finding[]>> = {
  hub: () => soak({ minutes, print }),
  gateway: () => soakGateway({ minutes, seed, print }),
};
const run = SOAKS[what];
if (values.help === true) console.log(HELP);
else if (run === undefined || positionals.length > 1 || !(minutes > 0) || !Number.isInteger(seed)) {
  console.error(`${process.argv.slice(2).join(' ')}: hub or gateway, and numbers above 0\n\n${HELP}`);
  process.exitCode = 2;
} else {
  installPeers();
  const findings = await run();
  console.log('');
  for (const { isMet, text } of findings) console.log(`${isMet ? 'ok    ' : 'FAILED'}  ${text}`);
  process.exit(findings.some(({ isMet }) => !isMet) ? 1 : 0);
}
