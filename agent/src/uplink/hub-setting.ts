import { EdgelogError } from '@edgelog/base';
import { isKafkaUrl, kafkaSecurityOf, mergeKafkaUrls, parseKafkaUrl } from '@edgelog/client/settings.ts';
import { type KafkaSettings, kafkaFieldsGiven } from '@edgelog/sink/kafka-fields.ts';
import { z } from 'zod';

const hubUrl = z.string().superRefine((text, context) => {
  const problem = problemOf(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

function problemOf(text: string): string | undefined {
  if (isKafkaUrl(text)) return invalid(() => parseKafkaUrl(text));
  const url = URL.parse(text);
  const isWebSocket = url !== null && (url.protocol === 'ws:' || url.protocol === 'wss:');
  return isWebSocket && url.hostname !== ''
    ? undefined
    : 'expected a URL that begins with ws://, wss://, kafka:// or kafka+tls://';
}

/** Where readings go. Commas part the URLs, and the brokers within a Kafka URL. */
export const hubField = z
  .preprocess((given) => (isTexts(given) ? mergeKafkaUrls(given) : given), z.array(hubUrl).min(1))
  .default(['ws://127.0.0.1:7420'])
  .describe(
    'URLs of the hub, of all brokers of a cluster, tried in turn beginning with any of them; or a Kafka cluster in its place, kafka://HOST:PORT[,HOST:PORT …] or kafka+tls://…',
  );

export type HubSettings = KafkaSettings & {
  readonly hub: readonly string[];
  readonly uplinkProxy?: string | undefined;
};

/** The URL of the Kafka cluster that takes the place of a hub; undefined: there is a hub. */
export function kafkaUrlOf({ hub }: Pick<HubSettings, 'hub'>): string | undefined {
  return hub.find(isKafkaUrl);
}

/** What contradicts each other, by the setting to mend. */
export function* hubContradictions(
  settings: HubSettings,
): Generator<[key: keyof HubSettings, message: string]> {
  const { hub, uplinkProxy } = settings;
  const url = kafkaUrlOf(settings);
  if (url === undefined) {
    for (const key of kafkaFieldsGiven(settings)) yield [key, 'of no use without --hub kafka://…'];
    return;
  }
  if (hub.length > 1)
    yield [
      'hub',
      hub.every(isKafkaUrl)
        ? 'the brokers of a Kafka cluster stand in one URL: kafka://a:9092,b:9092'
        : 'a hub and a Kafka cluster at once: readings go to one of the two',
    ];
  if (uplinkProxy !== undefined && uplinkProxy !== 'none')
    yield [
      'uplinkProxy',
      "of no use with --hub kafka://…: Kafka's clients connect to every broker by the address that it advertises, which an HTTP proxy in front does not carry",
    ];
  const problem = invalid(() => kafkaSecurityOf(parseKafkaUrl(url), settings));
  if (problem !== undefined) yield ['hub', problem];
}

const isTexts = (given: unknown): given is string[] =>
  Array.isArray(given) && given.every((one) => typeof one === 'string');

/** The message of the EdgelogError that it throws. */
function invalid(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof EdgelogError) return error.message;
    throw error;
  }
}
