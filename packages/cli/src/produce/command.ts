import { addAbortSignal, type Readable } from 'node:stream';
import { loadSettings, sizeSetting, timeSetting } from '@edgelog/runtime';
import { z } from 'zod';
import { clientFields, withCluster } from '../kafka/client-settings.ts';
import { onInterrupt, reportProgress } from '../progress.ts';
import { plural, printJson } from '../table.ts';
import { lineFormat } from './line-format.ts';
import { linesOf } from './lines.ts';
import { Producer } from './producer.ts';

const COMMAND = 'edgelog produce';

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

const produceSettings = z.object({
  topic: z.string().min(1).describe('Topic, which must exist.'),
  keySeparator: z
    .string()
    .min(1)
    .optional()
    .describe('What divides key and value of a line; without it records have no key.'),
  partition: z.number().int().min(0).optional().describe('Left out: by key, as the Java client does.'),
  property: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "How lines are read, as by Kafka's console producer: parse.key=true, key.separator=:, parse.headers=true, null.marker=NULL …",
    ),
  compression: z.enum(CODECS).default('none').describe('Codec of batches.'),
  compressionCodec: z.enum(CODECS).optional().describe("The same, as Kafka's console producer calls it."),
  batchSize: sizeSetting(1)
    .default(64 * 1024)
    .describe('Bytes of records in a batch, before compression.'),
  lingerMs: timeSetting(0).default(5).describe('How long a batch waits for more records.'),
  deliveryTimeoutMs: timeSetting(1).default(120_000).describe('When to give up on a batch.'),
  ...clientFields,
});

/**
 * `edgelog produce`: a record for each line of `input`, with acks=all and idempotence. Exit status 0 when all of
 * them are acknowledged; an interrupt ends the reading, and what was read is still delivered.
 */
export async function produceCommand(argv: string[], input: Readable = process.stdin): Promise<number> {
  const settings = loadSettings({
    command: COMMAND,
    summary: 'Send lines of standard input to a topic: each once and in order, acknowledged when on disk.',
    schema: produceSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['topic'],
  });
  const { topic, keySeparator, partition, json } = settings;
  const properties = keySeparator === undefined ? [] : ['parse.key=true', `key.separator=${keySeparator}`];
  const read = lineFormat(`${COMMAND}: --property`, [...settings.property, ...properties]);
  const compression = settings.compressionCodec ?? settings.compression;
  return withCluster(settings, async (cluster) => {
    const producer = await Producer.open(cluster, {
      topic,
      partition,
      compression,
      batchBytes: settings.batchSize,
      lingerMs: settings.lingerMs,
      deliveryTimeoutMs: settings.deliveryTimeoutMs,
    });
    const endProgress = reportProgress(() => `${plural(producer.acknowledged, 'record')} acknowledged`);
    const interrupt = new AbortController();
    const release = onInterrupt(() => interrupt.abort());
    try {
      await sendLines(producer, addAbortSignal(interrupt.signal, input), read).catch((error) => {
        if (!interrupt.signal.aborted) throw error;
      });
      await producer.flush();
    } catch (error) {
      process.stderr.write(`edgelog: acknowledged before this: ${plural(producer.acknowledged, 'record')}\n`);
      throw error;
    } finally {
      release();
      endProgress();
    }
    if (json) {
      const partitions = Array.from(producer.endOffsets, ([index, endOffset]) => ({
        partition: index,
        endOffset,
      }));
      printJson({ topic, records: producer.acknowledged, partitions });
    } else process.stdout.write(`produced ${plural(producer.acknowledged, 'record')} to topic ${topic}\n`);
    return 0;
  });
}

async function sendLines(
  producer: Producer,
  input: Readable,
  read: ReturnType<typeof lineFormat>,
): Promise<void> {
  let number = 0;
  for await (const lines of linesOf(input as AsyncIterable<Buffer>)) {
    for (const line of lines) {
      number += 1;
      await producer.send(read(line, number));
    }
  }
}
