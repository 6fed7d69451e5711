/** `npm run soak -- --minutes 30`: does the hub hold its speed, memory and disk while it deletes as fast as it takes in? */
import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

const HELP = `Usage: npm run soak [-- --minutes N]

Producers at full speed (batches of 16 and 128 KB, and some small), a consumer that follows them, topics of different retention by
bytes and by time, one compacted. Prints a row a minute (twelve rows at least) and then what was found: throughput of the last third
against the first minutes, memory, disk. Status 1 when something is not as it must be. Needs some 10 GB of disk.

  --minutes N  how long (default 30; 2 for a smoke run)`;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, help: { type: 'boolean' } },
});
const minutes = Number(values.minutes);
if (values.help === true) console.log(HELP);
else if (!(minutes > 0)) {
  console.error(`--minutes ${values.minutes}: a number above 0\n\n${HELP}`);
  process.exitCode = 2;
} else {
  const findings = await soak({ minutes, print: (line) => console.log(line) });
  console.log('');
  for (const { isMet, text } of findings) console.log(`${isMet ? 'ok    ' : 'FAILED'}  ${text}`);
  if (findings.some(({ isMet }) => !isMet)) process.exitCode = 1;
}
