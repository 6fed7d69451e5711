import { kafkaSecurityFields } from '@edgelog/client/settings.ts';
import { z } from 'zod';
import { sinkFields } from './settings.ts';

/** All that there is to set for a Kafka cluster in the place of a hub, but its URL. */
export const kafkaFields = { ...kafkaSecurityFields, ...sinkFields };

const settings = z.object(kafkaFields);
export type KafkaSettings = z.output<typeof settings>;

/** Those that somebody has set to something else than their defaults. */
export function kafkaFieldsGiven(given: KafkaSettings): (keyof KafkaSettings)[] {
  const defaults = settings.parse({});
  const keys = Object.keys(kafkaFields) as (keyof KafkaSettings)[];
  return keys.filter((key) => JSON.stringify(given[key]) !== JSON.stringify(defaults[key]));
}
