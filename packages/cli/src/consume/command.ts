import { once } from 'node:events';
import { EdgelogError } from '@edgelog/base';
import { loadSettings } from '@edgelog/runtime';
import { z } from 'zod';
import { clientFields, withCluster } from '../kafka/client-settings.ts';
import type { Cluster, TopicMetadata } from '../kafka/cluster.ts';
import { EARLIEST, LATEST, listOffsets, partitionKey } from '../kafka/offsets.ts';
import { onOutputClosed } from '../output.ts';
import { onInterrupt, reportProgress } from '../progress.ts';
import { plural } from '../table.ts';
import { consume, type Position } from './consumer.ts';
import { toJson, toText } from './format.ts';

const COMMAND = 'edgelog consume';

const consumeSettings = z.object({
  topic: z.string().min(1).describe('Topic to read.'),
  partition: z.array(z.number().int().min(0)).default([]).describe('Partitions; left out: all of them.'),
  fromBeginning: z
    .boolean()
    .default(false)
    .describe('Begin with the first record there is, not with the next.'),
  offset: z
    .string()
    .regex(/^(earliest|latest|\d{1,16})$/, 'expected earliest, latest or a number')
    .optional()
    .describe('Where to begin, for a number with --partition: earliest, latest or a number.'),
  maxMessages: z.number().int().min(1).optional().describe('Stop after so many records.'),
  untilEnd: z.boolean().default(false).describe('Stop at what is the end when the command starts.'),
  ...clientFields,
  json: z.boolean().default(false).describe('Print one JSON object a line.'),
});

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
  const { maxMessages = Number.MAX_SAFE_INTEGER } = settings;
  if (settings.fromBeginning && settings.offset !== undefined) {
    throw new EdgelogError('CONFIG_INVALID', `${COMMAND}: give --from-beginning or --offset, not both`);
  }
  if (/^\d/.test(settings.offset ?? '') && settings.partition.length === 0) {
    throw new EdgelogError('CONFIG_INVALID', `${COMMAND}: --offset ${settings.offset} needs --partition`);
  }
  return withCluster(settings, async (cluster) => {
    const topic = await cluster.topic(settings.topic);
    const positions = await startPositions(cluster, topic, settings);
    const stop = new AbortController();
    const closed = onOutputClosed();
    const signal = AbortSignal.any([stop.signal, closed.signal]);
    const releases = [onInterrupt(() => stop.abort()), closed.release];
    let count = 0;
    // With a terminal the records themselves show how far it is.
    if (!process.stdout.isTTY) releases.push(reportProgress(() => plural(count, 'record')));
    const format = settings.json ? toJson : toText;
    try {
      await consume(
        cluster,
        topic,
        positions,
        (partition, record) => {
          const hasRoom = process.stdout.write(format({ topic: settings.topic, partition }, record));
          count += 1;
          const wantsMore = count < maxMessages;
          return hasRoom ? wantsMore : drained(signal).then(() => wantsMore);
        },
        signal,
      );
    } finally {
      for (const release of releases) release();
    }
    process.stderr.write(`edgelog: ${plural(count, 'record')}\n`);
    return 0;
  });
}

async function startPositions(
  cluster: Cluster,
  topic: TopicMetadata,
  settings: z.output<typeof consumeSettings>,
): Promise<Position[]> {
  const { partition: wanted, offset, fromBeginning, untilEnd } = settings;
  const missing = wanted.find((index) => index >= topic.partitions.length);
  if (missing !== undefined) {
    const count = topic.partitions.length;
    throw new EdgelogError('REFUSED', `topic ${topic.name} has ${count} partitions, there is no ${missing}`);
  }
  const ends = await listOffsets(cluster, [topic], LATEST);
  const isEarliest = fromBeginning || offset === 'earliest';
  const starts = isEarliest ? await listOffsets(cluster, [topic], EARLIEST) : ends;
  const indexes =
    wanted.length > 0 ? [...new Set(wanted)] : topic.partitions.map((one) => one.partitionIndex);
  return indexes.map((partition) => {
    const key = partitionKey(topic.name ?? '', partition);
    const [start, end] = [starts.get(key), ends.get(key)];
    if (start === undefined || end === undefined) {
      throw new EdgelogError('REFUSED', `partition ${topic.name}-${partition} has no leader`);
    }
    const at = offset !== undefined && /^\d/.test(offset) ? Number(offset) : start;
    return { partition, offset: at, endOffset: untilEnd ? end : undefined };
  });
}

async function drained(signal: AbortSignal): Promise<void> {
  await once(process.stdout, 'drain', { signal }).catch(() => {});
}
