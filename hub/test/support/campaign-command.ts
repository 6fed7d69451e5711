import { parseArgs } from 'node:util';
import { wholeNumber } from './flags.ts';

export interface CampaignCommand<R> {
  readonly help: string;
  /** The flag that says how much of it, its default, and what it counts. */
  readonly amount: { readonly flag: string; readonly fallback: number; readonly unit: string };
  run(amount: number, seed: number, onProgress: (line: string) => void): Promise<R>;
  isGood(report: R): boolean;
}

/** The command line of a campaign that draws from a seed: prints it, progress and the report. Status 1 when it went badly. */
export async function runCampaignCommand<R extends object>({
  help,
  amount,
  run,
  isGood,
}: CampaignCommand<R>): Promise<void> {
  try {
    const { values } = parseArgs({
      options: {
        [amount.flag]: { type: 'string', default: String(amount.fallback) },
        seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(help);
      return;
    }
    const count = wholeNumber(amount.flag, String(values[amount.flag]));
    const seed = wholeNumber('seed', String(values.seed));
    console.log(`seed ${seed}, ${count} ${amount.unit}`);
    const report = await run(count, seed, (line) => console.log(line));
    console.log(JSON.stringify({ seed, ...report }, undefined, 2));
    process.exitCode = isGood(report) ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
