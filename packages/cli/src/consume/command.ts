import { once } from 'node:events';
import { EdgelogError } from '@edgelog/base';
import type { KafkaCluster, TopicMetadata } from '@edgelog/client';
import { loadSettings, timeSetting } from '@edgelog/runtime';
import { z } from 'zod';
import { clientFields, withCluster } from '../kafka/client-settings.ts';
import { topicOf } from '../kafka/topic.ts';
import { onOutputClosed } from '../output.ts';
import { onInterrupt, reportProgress } from '../progress.ts';
import { plural } from '../table.ts';
import { consume, type OnRecord } from './consumer.ts';
import { toJson, toText } from './format.ts';
import { consumeInGroup } from './group-consumer.ts';
import { kafkaFormat } from './kafka-format.ts';
import { startPositions } from './positions.ts';

const COMMAND = 'edgelog consume';

const consumeSettings = z.object({
  topic: z.string().min(1).describe('Topic to read.'),
  partition: z.array(z.number().int().min(0)).default([]).describe('Partitions; left out: all of them.'),
  fromBeginning: z
    .boolean()
    .default(false)
    .describe(
      'Begin with the first record there is, not with the next; with --group where it has not committed.',
    ),
  offset: z
    .string()
    .regex(/^(earliest|latest|\d{1,15})$/, 'expected earliest, latest or a number')
    .optional()
    .describe('Where to begin, for a number with --partition: earliest, latest or a number.'),
  group: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Read as a member of this consumer group: its partitions only, from where it left off; commits.',
    ),
  maxMessages: z.number().int().min(1).optional().describe('Stop after so many records.'),
  untilEnd: z.boolean().default(false).describe('Stop at what is the end when the command starts.'),
  timeoutMs: timeSetting(1).optional().describe('Stop when no record came for so long.'),
  property: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "Print bytes as they are in the layout of Kafka's console consumer: print.key=true, print.timestamp=true …",
    ),
  ...clientFields,
  json: z.boolean().default(false).describe('Print one JSON object a line.'),
});
type Settings = z.output<typeof consumeSettings>;

/** `edgelog consume`: prints records of a topic, in order within each partition, until told to stop. */
export async function consumeCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: COMMAND,
    summary: 'Print records of a topic: time, partition, offset, key, value and headers.',
    schema: consumeSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['topic'],
  });
  refuseContradictions(settings);
  const present = presenterOf(settings);
  return withCluster(settings, async (cluster) => {
    const topic = await topicOf(cluster, settings.topic);
    const stop = new AbortController();
    const closed = onOutputClosed();
    const signal = AbortSignal.any([stop.signal, closed.signal]);
    const releases = [onInterrupt(() => stop.abort()), closed.release];
    let count = 0;
    // With a terminal the records themselves show how far it is.
    if (!process.stdout.isTTY) releases.push(reportProgress(() => plural(count, 'record')));
    const idle = stopWhenIdle(settings.timeoutMs, stop);
    const { maxMessages = Number.MAX_SAFE_INTEGER } = settings;
    const onRecord: OnRecord = (partition, record, batch) => {
      const hasRoom = process.stdout.write(present(partition, record, batch));
      count += 1;
      idle.refresh();
      const wantsMore = count < maxMessages;
      return hasRoom ? wantsMore : drained(signal).then(() => wantsMore);
    };
    try {
      await run(cluster, topic, settings, { onRecord, signal, onNotice });
    } finally {
      idle.release();
      for (const release of releases) release();
    }
    process.stderr.write(`edgelog: ${plural(count, 'record')}\n`);
    return 0;
  });
}

function refuseContradictions({ fromBeginning, offset, partition, group, json, property }: Settings): void {
  const refuse = (what: string) => new EdgelogError('CONFIG_INVALID', `${COMMAND}: ${what}`);
  if (fromBeginning && offset !== undefined) throw refuse('give --from-beginning or --offset, not both');
  if (/^\d/.test(offset ?? '') && partition.length === 0)
    throw refuse(`--offset ${offset} needs --partition`);
  if (group !== undefined && (partition.length > 0 || offset !== undefined))
    throw refuse(
      'a group says itself which partitions are read, and from where: no --partition and no --offset',
    );
  if (json && property.length > 0) throw refuse('give --json or --property, not both');
}

function presenterOf({
  topic,
  json,
  property,
}: Settings): (...record: Parameters<OnRecord>) => string | Buffer {
  if (property.length > 0) return kafkaFormat(`${COMMAND}: --property`, property);
  const format = json ? toJson : toText;
  return (partition, record) => format({ topic, partition }, record);
}

async function run(
  cluster: KafkaCluster,
  topic: TopicMetadata,
  settings: Settings,
  options: Parameters<typeof consume>[3],
): Promise<void> {
  const { group, fromBeginning, untilEnd } = settings;
  if (group !== undefined) return consumeInGroup(cluster, topic, { group, fromBeginning, untilEnd }, options);
  return consume(cluster, topic, await startPositions(cluster, topic, settings), options);
}

function onNotice(notice: string): void {
  process.stderr.write(`edgelog: ${notice}\n`);
}

function stopWhenIdle(timeoutMs: number | undefined, stop: AbortController) {
  if (timeoutMs === undefined) return { refresh: () => {}, release: () => {} };
  const timer = setTimeout(() => {
    onNotice(`no record for ${timeoutMs} ms`);
    stop.abort();
  }, timeoutMs);
  return { refresh: () => void timer.refresh(), release: () => clearTimeout(timer) };
}

async function drained(signal: AbortSignal): Promise<void> {
  await once(process.stdout, 'drain', { signal }).catch(() => {});
}
