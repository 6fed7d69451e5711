import { runCampaignCommand } from '../support/campaign-command.ts';
import { runCampaign } from './campaign.ts';

const HELP = `node hub/test/fuzz/main.ts [--seconds N] [--seed S]

Starts a hub and lets clients misbehave: mutated requests, random messages and bytes, slow senders, connections that stay
half-open or are dropped in mid-response. Meanwhile a client that behaves writes records and reads them back. Ends with status 1
when the hub ends or logs an error, when that client is not served, or when the hub's private memory grows.

  --seconds N   how long (default 600)
  --seed S      what the attackers draw from (default: the time)
  --help
`;

await runCampaignCommand({
  help: HELP,
  amount: { flag: 'seconds', fallback: 600, unit: 's' },
  run: (seconds, seed, onProgress) => runCampaign({ seconds, seed, onProgress }),
  isGood: ({ failures }) => failures.length === 0,
});
