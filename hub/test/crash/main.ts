import { runCampaignCommand } from '../support/campaign-command.ts';
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

await runCampaignCommand({
  help: HELP,
  amount: { flag: 'rounds', fallback: 200, unit: 'rounds' },
  run: (rounds, seed, onProgress) => runCrashCampaign({ rounds, seed, onProgress }),
  isGood: ({ violations }) => violations.length === 0,
});
