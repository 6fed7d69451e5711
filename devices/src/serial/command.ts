import { createLogger, LOG_LEVELS, loadSettings, type RunningProcess, runProcess } from '@edgelog/runtime';
import { z } from 'zod';
import { createRandom } from '../random.ts';
import { openPseudoTerminal } from './pty.ts';
import { Scale } from './scale.ts';

const serialSettings = z.object({
  path: z.string().min(1).describe('Where the serial port appears, e.g. /tmp/scale.'),
  rate: z.number().positive().max(10_000).default(5).describe('Lines per second.'),
  count: z.number().int().min(1).optional().describe('Lines, after which the simulator ends with 0.'),
  seed: z.string().default('1').describe('The same seed gives the same weights.'),
  logLevel: z.enum(LOG_LEVELS).default('info').describe('Least level that is logged.'),
});

/** An instrument has no flow control; this one waits when its line is not read, so that record numbers stay without gaps. */
const BUFFERED_BYTES_MAX = 4_096;
const TICK_MS = 20;

/** `edgelog devices serial …` */
export async function serialCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: 'edgelog devices serial',
    summary: 'A simulated scale writes lines to a pseudo-terminal (needs socat).',
    schema: serialSettings,
    argv,
    env: process.env,
    positionals: ['path'],
  });
  const log = createLogger({ component: 'serial', level: settings.logLevel });
  return runProcess({ log, start: () => startScale(settings) });
}

async function startScale(settings: z.output<typeof serialSettings>): Promise<RunningProcess> {
  const terminal = await openPseudoTerminal(settings.path);
  const scale = new Scale(createRandom(`${settings.seed}/scale`));
  const done = Promise.withResolvers<number>();
  const intervalMs = 1_000 / settings.rate;
  let dueAtMs = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    dueAtMs = Math.max(dueAtMs, now - 1_000);
    while (dueAtMs <= now && terminal.input.writableLength < BUFFERED_BYTES_MAX) {
      if (scale.lines === settings.count) {
        clearInterval(timer);
        terminal.input.end(() => done.resolve(0));
        return;
      }
      terminal.input.write(scale.line(dueAtMs));
      dueAtMs += intervalMs;
    }
  }, TICK_MS);
  void terminal.failed.then((reason) => {
    process.stderr.write(`edgelog: the pseudo-terminal ${settings.path} is gone: ${reason}\n`);
    done.resolve(1);
  });
  return {
    ready: `serial path=${settings.path} rate=${settings.rate}`,
    done: done.promise,
    async stop() {
      clearInterval(timer);
      await terminal.close();
      process.stdout.write(`serial lines=${scale.lines}\n`);
    },
  };
}
