import { once } from 'node:events';
import { EdgelogError } from '@edgelog/base';
import { loadSettings } from '@edgelog/runtime';
import { type BatchHeader, type BatchRecord, iterateRecords, SEQUENCE_MODULUS } from '@edgelog/wire';
import { z } from 'zod';
import { jsonValue, printable } from '../consume/format.ts';
import { onOutputClosed } from '../output.ts';
import { isFile, scanBatchFile } from './batch-file.ts';
import { findLog, INSPECT_NOTES, inspectFields, withStore } from './open.ts';
import { type Damage, isDamage, type ScannedBatch, scanPartition } from './scan.ts';

const dumpSettings = z.object({
  ...inspectFields,
  dataDir: z
    .string()
    .min(1)
    .describe(
      'Data directory of a hub or an agent that is not running; or a .batch file that an agent set aside.',
    ),
  topic: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Topic to dump. A cluster's broker calls a log TOPIC-PARTITION.TOPICID: that name will do too.",
    ),
  partition: z
    .number()
    .int()
    .min(0)
    .optional()
    .describe('Its partition at a hub; left out for the log of an agent, which has one for each topic.'),
  offset: z.number().int().min(0).optional().describe('Begin with the batch that holds this offset.'),
  records: z.boolean().default(false).describe('Print the records too, keys and values as text.'),
  printDataLog: z.boolean().default(false).describe("The same, as Kafka's dump tool calls it."),
});

/** `edgelog dump`: the batches of one partition as Kafka's DumpLogSegments prints them. Exit status 1 when any is damaged. */
export async function dumpCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: 'edgelog dump',
    summary: "Print the stored batches of a partition, in the format of Kafka's dump tool.",
    schema: dumpSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['dataDir'],
    notes: INSPECT_NOTES,
  });
  const { dataDir, topic, partition, json } = settings;
  const present = json ? toJson : toText;
  const withRecords = settings.records || settings.printDataLog;
  if (isFile(dataDir)) {
    const scanned = scanBatchFile(dataDir);
    for (const line of present(scanned, withRecords)) process.stdout.write(`${line}\n`);
    return isDamage(scanned) ? 1 : 0;
  }
  if (topic === undefined) throw new EdgelogError('CONFIG_INVALID', '--topic is missing');
  const asked = partition === undefined ? topic : `${topic}-${partition}`;
  return withStore(dataDir, async (store) => {
    const log = findLog(store, dataDir, asked);
    const { name, logStartOffset, flushedEndOffset } = log;
    const { offset = logStartOffset } = settings;
    if (offset < logStartOffset || offset > flushedEndOffset) {
      throw new EdgelogError('REFUSED', `${name} holds offsets ${logStartOffset} to ${flushedEndOffset - 1}`);
    }
    const closed = onOutputClosed();
    let isDamaged = false;
    if (!json) process.stdout.write(`Dumping ${name}\nLog starting offset: ${logStartOffset}\n`);
    for (const scanned of scanPartition(log, offset)) {
      isDamaged ||= isDamage(scanned);
      for (const line of present(scanned, withRecords)) {
        const hasRoom = process.stdout.write(`${line}\n`);
        if (!hasRoom) await once(process.stdout, 'drain', { signal: closed.signal }).catch(() => {});
      }
      if (closed.signal.aborted) break;
    }
    closed.release();
    return isDamaged ? 1 : 0;
  });
}

function* toText(scanned: ScannedBatch | Damage, withRecords: boolean): Generator<string> {
  if (isDamage(scanned)) {
    const { firstOffset, lastOffset, reason } = scanned;
    yield `baseOffset: ${firstOffset} lastOffset: ${lastOffset} isvalid: false: ${reason}`;
    return;
  }
  const { header, batch } = scanned;
  const time = header.timestampType === 'append' ? 'LogAppendTime' : 'CreateTime';
  yield [
    `baseOffset: ${header.baseOffset} lastOffset: ${header.lastOffset} count: ${header.recordCount}`,
    `baseSequence: ${header.baseSequence} lastSequence: ${sequenceAt(header, header.lastOffset)}`,
    `producerId: ${header.producerId} producerEpoch: ${header.producerEpoch}`,
    `partitionLeaderEpoch: ${header.partitionLeaderEpoch}`,
    `isTransactional: ${header.isTransactional} isControl: ${header.isControl}`,
    `${time}: ${header.maxTimestamp} size: ${header.sizeBytes} magic: 2`,
    `compresscodec: ${header.compression} crc: ${header.crc} isvalid: true`,
  ].join(' ');
  if (!withRecords) return;
  for (const { offset, timestamp, key, value, headers } of iterateRecords(batch)) {
    const names = headers.map((one) => printable(Buffer.from(one.key))).join(',');
    yield [
      `| offset: ${offset} ${time}: ${timestamp} keySize: ${key?.length ?? -1} valueSize: ${value?.length ?? -1}`,
      `sequence: ${sequenceAt(header, offset)} headerKeys: [${names}]`,
      ...(key === null ? [] : [`key: ${printable(key)}`]),
      `payload: ${printable(value)}`,
    ].join(' ');
  }
}

/** Sequence numbers count with the offsets of a batch, and wrap; −1 where the producer is not idempotent. */
function sequenceAt({ baseSequence, baseOffset }: BatchHeader, offset: number): number {
  return baseSequence < 0 ? -1 : (baseSequence + offset - baseOffset) % SEQUENCE_MODULUS;
}

function* toJson(scanned: ScannedBatch | Damage, withRecords: boolean): Generator<string> {
  if (isDamage(scanned)) yield JSON.stringify({ ...scanned, isValid: false });
  else {
    const records = withRecords ? { records: Array.from(iterateRecords(scanned.batch), recordJson) } : {};
    yield JSON.stringify({ ...scanned.header, isValid: true, ...records });
  }
}

function recordJson({ offset, timestamp, key, value, headers }: BatchRecord) {
  return {
    offset,
    timestamp,
    key: jsonValue(key),
    value: jsonValue(value),
    headers: headers.map((one) => ({ key: one.key, value: jsonValue(one.value) })),
  };
}
