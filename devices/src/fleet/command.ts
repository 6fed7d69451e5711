import {
  addressSetting,
  createLogger,
  LOG_LEVELS,
  loadSettings,
  parseAddress,
  type RunningProcess,
  runProcess,
} from '@edgelog/runtime';
import { z } from 'zod';
import { Fleet } from './fleet.ts';
import type { Qos } from './link.ts';
import { parseOutagePlan } from './outage.ts';

const fleetSettings = z.object({
  mqtt: addressSetting().default('127.0.0.1:1883').describe('MQTT broker the devices publish to, HOST:PORT.'),
  devices: z.number().int().min(1).max(10_000).default(12).describe('How many devices; four make a line.'),
  rate: z
    .number()
    .min(0)
    .max(100_000)
    .default(1)
    .describe('Readings per second and device; 0 = as fast as acks allow.'),
  count: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Readings of the whole fleet; ends with 0 once all are acknowledged.'),
  qos: z.number().int().min(0).max(2).default(1).describe('MQTT quality of service: 0, 1 or 2.'),
  outage: z
    .string()
    .refine(
      (text) => parseOutagePlan(text) !== undefined,
      'expected PERIOD/DURATION like 60s/5s, the period longer',
    )
    .optional()
    .describe('Each device falls off the network every PERIOD on average, for DURATION, e.g. 60s/5s.'),
  seed: z.string().default('1').describe('The same seed gives the same signals.'),
  site: z
    .string()
    .regex(/^[^/+#\s]+$/, 'expected a name without / + # and spaces')
    .default('plant-1')
    .describe('Second level of the MQTT topics.'),
  window: z
    .number()
    .int()
    .min(1)
    .max(60_000)
    .default(16)
    .describe('Readings in flight per device; Mosquitto breaks off above 20 at QoS 2.'),
  logLevel: z.enum(LOG_LEVELS).default('info').describe('Least level that is logged.'),
});

const REPORT_MS = 1_000;
const LOG_EVERY_REPORTS = 10;

/** `edgelog devices fleet …` */
export async function fleetCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: 'edgelog devices fleet',
    summary:
      'Simulated devices publish temperature, humidity, vibration and energy over MQTT, one connection each.',
    schema: fleetSettings,
    argv,
    env: process.env,
  });
  const log = createLogger({ component: 'fleet', level: settings.logLevel });
  return runProcess({ log, start: async () => startFleet(settings, log) });
}

function startFleet(
  settings: z.output<typeof fleetSettings>,
  log: ReturnType<typeof createLogger>,
): RunningProcess {
  const fleet = new Fleet({
    mqtt: parseAddress(settings.mqtt, '--mqtt'),
    devices: settings.devices,
    rate: settings.rate,
    count: settings.count,
    qos: settings.qos as Qos,
    outage: settings.outage === undefined ? undefined : parseOutagePlan(settings.outage),
    seed: settings.seed,
    site: settings.site,
    windowSize: settings.window,
    log,
  });
  let reports = 0;
  const timer = setInterval(() => {
    const status = fleet.status();
    // A parent that shows the fleet listens on the IPC channel.
    if (process.connected) process.send?.({ fleet: status });
    if (reports++ % LOG_EVERY_REPORTS === 0) log.info('progress', { ...status });
  }, REPORT_MS);
  return {
    ready: `fleet devices=${settings.devices} mqtt=${settings.mqtt} qos=${settings.qos}`,
    done: fleet.finished.then(() => (fleet.status().lost === 0 ? 0 : 1)),
    async stop() {
      clearInterval(timer);
      await fleet.close();
      const { sent, acked, lost } = fleet.status();
      process.stdout.write(`fleet sent=${sent} acked=${acked} lost=${lost}\n`);
    },
  };
}
