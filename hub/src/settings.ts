import { addressSetting, LOG_LEVELS } from '@edgelog/runtime';
import { z } from 'zod';
import { MIGRATION_POLICIES } from './group/index.ts';

const MIB = 1024 * 1024;
const wholeNumber = (min: number, max = Number.MAX_SAFE_INTEGER) => z.number().int().min(min).max(max);

/** Everything an operator may set on a hub: flag `--data-dir`, variable `EDGELOG_DATA_DIR`, file entry `dataDir`. */
export const hubSettings = z.strictObject({
  dataDir: z.string().min(1).describe('directory of the log; made if missing, used by one process at a time'),
  kafka: addressSetting().default('127.0.0.1:9092').describe('where Kafka clients connect'),
  sync: addressSetting().default('127.0.0.1:7420').describe('where agents connect (WebSocket)'),
  http: addressSetting()
    .default('127.0.0.1:7421')
    .describe('where /healthz, /status and /metrics are served'),
  advertise: addressSetting()
    .optional()
    .describe('what Kafka clients are told to connect to; by default each is told the address it reached'),
  brokerId: wholeNumber(0, 2 ** 31 - 1)
    .default(1)
    .describe('Kafka node id'),
  defaultPartitions: wholeNumber(1, 10_000)
    .default(6)
    .describe('partitions of a topic created without a count'),
  autoCreateTopics: z
    .boolean()
    .default(true)
    .describe('create a topic when a client or an agent first names it'),
  offsetsPartitions: wholeNumber(1, 1_000)
    .default(50)
    .describe('partitions of __consumer_offsets; settled when the data directory is made'),
  consumerHeartbeatIntervalMs: wholeNumber(100, 2 ** 31 - 1)
    .default(5_000)
    .describe('how often members of the new group protocol are to send heartbeats, in milliseconds'),
  consumerSessionTimeoutMs: wholeNumber(1_000, 2 ** 31 - 1)
    .default(45_000)
    .describe('after how long a silent member of the new group protocol is given up, in milliseconds'),
  consumerMigrationPolicy: z
    .enum(MIGRATION_POLICIES)
    .default('bidirectional')
    .describe('which way a group with members may change between the classic and the new group protocol'),
  segmentBytes: wholeNumber(MIB)
    .default(256 * MIB)
    .describe('a segment of the log ends when its batches reach this size'),
  retentionCheckMs: wholeNumber(10, 2 ** 31 - 1)
    .default(30_000)
    .describe("how often records past their topic's retention are looked for, in milliseconds"),
  segmentDeadShare: z
    .number()
    .min(0.05)
    .max(1)
    .default(0.5)
    .describe('share of a segment that may be deleted records before what lives is copied to a smaller file'),
  maxFrameBytes: wholeNumber(1024, 2 ** 31 - 1)
    .default(100 * MIB)
    .describe('largest Kafka request accepted'),
  maxMessageBytes: wholeNumber(1024, 2 ** 31 - 1)
    .default(1_048_588)
    .describe('largest record batch accepted, where a topic does not say otherwise'),
  maxConnections: wholeNumber(1).default(10_000).describe('Kafka connections served at once'),
  maxRequestMemoryBytes: wholeNumber(MIB)
    .default(64 * MIB)
    .describe('requests held in memory before connections are read no further'),
  flush: z.boolean().default(true).meta({
    hidden: true,
    description:
      'off LOSES ACKNOWLEDGED DATA, or the whole log, at a power cut: only to measure what flushing costs',
  }),
  logLevel: z.enum(LOG_LEVELS).default('info').describe('least severe level that is logged'),
});

export type HubSettings = z.infer<typeof hubSettings>;
