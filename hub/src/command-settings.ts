import { EdgelogError } from '@edgelog/base';
import { kafkaSecurityOf, parseKafkaUrl } from '@edgelog/client/settings.ts';
import { kafkaFields, kafkaFieldsGiven } from '@edgelog/sink/kafka-fields.ts';
import { z } from 'zod';
import { brokerSettings, contradictions, type HubSettings } from './settings.ts';
import type { SyncGatewaySettings } from './sink/sync-gateway.ts';

const { dataDir, ...brokerFields } = brokerSettings.shape;

/** What `edgelog hub` takes: settings of a broker, or with --sink those of a sync gateway. */
const settings = z.strictObject({
  dataDir: dataDir.optional().describe(`${dataDir.description}; required without --sink`),
  ...brokerFields,
  sink: z
    .string()
    .optional()
    .describe(
      'Kafka cluster that takes what agents send, kafka://HOST:PORT[,HOST:PORT …] or kafka+tls://…: this is a sync gateway then and no broker, and has no disk',
    ),
  ...kafkaFields,
});
type CommandSettings = z.output<typeof settings>;

export const hubCommandSettings = settings.superRefine((given, context) => {
  const problems = given.sink === undefined ? brokerProblems(given) : sinkProblems(given, given.sink);
  for (const [key, message] of problems) context.addIssue({ code: 'custom', path: [key], message });
});

/** The settings of the process that is asked for. */
export function modeOf(
  given: CommandSettings,
): { broker: HubSettings; gateway?: undefined } | { broker?: undefined; gateway: SyncGatewaySettings } {
  const { sink, ...others } = given;
  if (sink !== undefined) return { gateway: { ...others, sink } };
  const own = Object.entries(others).filter(([key]) => Object.hasOwn(brokerSettings.shape, key));
  return { broker: brokerSettings.parse(Object.fromEntries(own)) };
}

type Problem = [key: keyof CommandSettings, message: string];

function* brokerProblems(given: CommandSettings): Generator<Problem> {
  if (given.dataDir === undefined) yield ['dataDir', 'required, unless --sink says where the data goes'];
  yield* contradictions(given);
  for (const key of kafkaFieldsGiven(given)) yield [key, 'of no use without --sink'];
}

/** Listeners and the log have the same meaning in both. */
const OF_BOTH: ReadonlySet<string> = new Set(['sync', 'http', 'httpHosts', 'logLevel']);

function* sinkProblems(given: CommandSettings, sink: string): Generator<Problem> {
  try {
    kafkaSecurityOf(parseKafkaUrl(sink), given);
  } catch (error) {
    if (!(error instanceof EdgelogError)) throw error;
    yield ['sink', error.message];
  }
  const defaults: Readonly<Record<string, unknown>> = brokerSettings.parse({ dataDir: '-' });
  for (const key of Object.keys(brokerSettings.shape) as (keyof HubSettings)[]) {
    if (OF_BOTH.has(key)) continue;
    const isDefault = key === 'dataDir' ? given.dataDir === undefined : isSame(given[key], defaults[key]);
    if (!isDefault)
      yield [key, 'of no use with --sink: a sync gateway stores nothing and serves no Kafka client'];
  }
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
