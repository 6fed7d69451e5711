import { setTimeout as setTimeoutAsync } from 'node:timers/promises';
import { createLogger, LOG_LEVELS, loadSettings, type RunningProcess, runProcess } from '@edgelog/runtime';
import { z } from 'zod';
import { parseOutagePlan } from '../fleet/outage.ts';
import { createRandom } from '../random.ts';
import { INSTRUMENT_NAMES, INSTRUMENTS, type InstrumentName } from './instruments.ts';
import { noiseOf, noisy } from './noise.ts';
import { openPseudoTerminal } from './pty.ts';
import { runInstrument } from './run-instrument.ts';
import { Scale } from './scale.ts';

const serialSettings = z.object({
  path: z.string().min(1).describe('Where the serial port appears, e.g. /tmp/scale.'),
  instrument: z
    .enum(['scale', ...INSTRUMENT_NAMES])
    .default('scale')
    .describe('What stands at the other end; the notes below tell which profile reads it.'),
  noise: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      'But for the scale: share of messages with a flipped bit, lost bytes, stray bytes; others come in pieces.',
    ),
  unplug: z
    .string()
    .refine((text) => parseOutagePlan(text) !== undefined, 'must be PERIOD/DURATION, e.g. 60s/5s')
    .optional()
    .describe('But for the scale: the adapter is unplugged every PERIOD for DURATION, e.g. 60s/5s.'),
  rate: z
    .number()
    .positive()
    .max(10_000)
    .default(5)
    .describe('Lines or telegrams per second, of what speaks by itself.'),
  count: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Of the scale: lines, after which the simulator ends with 0.'),
  seed: z.string().default('1').describe('The same seed gives the same values and the same noise.'),
  logLevel: z.enum(LOG_LEVELS).default('info').describe('Least level that is logged.'),
});

/** An instrument has no flow control; this one waits when its line is not read, so that record numbers stay without gaps. */
const BUFFERED_BYTES_MAX = 4_096;
const TICK_MS = 20;

const NOTES = `Instruments, and the profile that reads each:

${INSTRUMENT_NAMES.map((name) => `  ${name.padEnd(12)}${INSTRUMENTS[name].profile.padEnd(18)}${INSTRUMENTS[name].summary}`).join('\n')}`;

/** `edgelog devices serial …` */
export async function serialCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: 'edgelog devices serial',
    summary: 'A simulated instrument at a pseudo-terminal (needs socat).',
    notes: NOTES,
    schema: serialSettings,
    argv,
    env: process.env,
    positionals: ['path'],
  });
  const log = createLogger({ component: 'serial', level: settings.logLevel });
  const { instrument } = settings;
  return runProcess({
    log,
    start: () => (instrument === 'scale' ? startScale(settings) : startInstrument(instrument, settings)),
  });
}

type Settings = z.output<typeof serialSettings>;

async function startInstrument(name: InstrumentName, settings: Settings): Promise<RunningProcess> {
  const { path, rate, seed } = settings;
  const unplug = settings.unplug === undefined ? undefined : parseOutagePlan(settings.unplug);
  const counts = { messages: 0, spoilt: 0 };
  const done = Promise.withResolvers<number>();
  const bare = INSTRUMENTS[name].create({
    random: createRandom(`${seed}/${name}`),
    clock: Date.now,
    everyMs: 1_000 / rate,
    onSent: () => {},
  });
  const instrument = noisy(bare, noiseOf(settings.noise), createRandom(`${seed}/noise`), counts);
  const plug = async () => {
    const opened = await runInstrument(path, instrument);
    void opened.failed.then((reason) => {
      process.stderr.write(`edgelog: the pseudo-terminal ${path} is gone: ${reason}\n`);
      done.resolve(1);
    });
    return opened;
  };
  let terminal = plug();
  await terminal;
  let timer: NodeJS.Timeout | undefined;
  const unplugAfter = (ms: number, durationMs: number) => {
    timer = setTimeout(() => {
      terminal = terminal.then(async (plugged) => {
        await plugged.close();
        await setTimeoutAsync(durationMs);
        return plug();
      });
      void terminal.then(() => unplugAfter(ms, durationMs));
    }, ms);
  };
  if (unplug !== undefined) unplugAfter(unplug.periodMs - unplug.durationMs, unplug.durationMs);
  return {
    ready: `serial path=${path} instrument=${name} profile=${INSTRUMENTS[name].profile}`,
    done: done.promise,
    async stop() {
      clearTimeout(timer);
      await (await terminal).close();
      clearTimeout(timer);
      process.stdout.write(`serial messages=${counts.messages} spoilt=${counts.spoilt}\n`);
    },
  };
}

async function startScale(settings: Settings): Promise<RunningProcess> {
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
