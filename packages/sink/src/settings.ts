import { TOPIC_NAME } from '@edgelog/wire';
import { z } from 'zod';
import { EVENTS_TOPIC } from './event.ts';

const topicName = z.string().regex(TOPIC_NAME, 'expected the name of a Kafka topic');

/** `NAME=VALUE` as text, as in a flag. */
const topicConfig = z.string().regex(/^[a-z.]+=.+$/, 'expected NAME=VALUE, such as retention.ms=31536000000');

/** What an operator may set on a sink, for the settings of the agent and of the hub. */
export const sinkFields = {
  sinkCreateTopics: z
    .boolean()
    .default(true)
    .describe('create a Kafka topic that is missing when a stream first names it'),
  sinkPartitions: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('partitions of a Kafka topic created for a stream; by default as the cluster decides'),
  sinkReplication: z
    .number()
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe('replicas of a Kafka topic created for a stream; by default as the cluster decides'),
  sinkTopicConfig: z
    .array(topicConfig)
    .default([])
    .describe('configuration of a Kafka topic created for a stream, NAME=VALUE'),
  sinkPositionsTopic: topicName
    .default('__edgelog_positions')
    .describe('compacted Kafka topic in which it is kept how far each run of each gateway is'),
  sinkEventsTopic: topicName
    .default(EVENTS_TOPIC)
    .describe('Kafka topic for declared gaps and refusals as JSON, or off'),
} as const;

const settings = z.object(sinkFields);
export type SinkSettings = z.output<typeof settings>;

/** The defaults, where nobody was asked. */
export const sinkSettings = (given: z.input<typeof settings> = {}): SinkSettings => settings.parse(given);
