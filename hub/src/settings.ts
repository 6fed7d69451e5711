import {
  addressSetting,
  httpHostsSetting,
  LOG_LEVELS,
  parseAddress,
  sizeSetting,
  timeSetting,
} from '@edgelog/runtime';
import { z } from 'zod';
import { MIGRATION_POLICIES } from './group/index.ts';

const MIB = 1024 * 1024;
const isEtcdUrl = (text: string): boolean => /^https?:\/\/[^/]+\/?$/.test(text) && URL.canParse(text);
const wholeNumber = (min: number, max = Number.MAX_SAFE_INTEGER) => z.number().int().min(min).max(max);

/** Of a standalone broker that is given none. */
export const STANDALONE_BROKER_ID = 1;

const DEFAULT_ETCD_PREFIX = '/edgelog';

/** Everything an operator may set on a broker: flag `--data-dir`, variable `EDGELOG_DATA_DIR`, file entry `dataDir`. */
export const brokerSettings = z.strictObject({
  dataDir: z.string().min(1).describe('directory of the log; made if missing, used by one process at a time'),
  kafka: addressSetting().default('127.0.0.1:9092').describe('where Kafka clients connect'),
  sync: addressSetting().default('127.0.0.1:7420').describe('where agents connect (WebSocket)'),
  http: addressSetting()
    .default('127.0.0.1:7421')
    .describe(
      'where the page, /healthz, /status and /metrics are served; other brokers of a cluster ask there for what their pages show',
    ),
  httpHosts: httpHostsSetting(),
  advertise: addressSetting()
    .optional()
    .describe(
      'what Kafka clients are told to connect to, and in a cluster the other brokers; by default each client is told the address it reached, and a cluster what --kafka says',
    ),
  brokerId: wholeNumber(0, 2 ** 31 - 1)
    .optional()
    .describe(
      `Kafka node id; ${STANDALONE_BROKER_ID} for a standalone broker that is not given one, required with --etcd`,
    ),
  etcd: z
    .array(z.string().refine(isEtcdUrl, 'expected http://HOST:PORT or https://HOST:PORT'))
    .default([])
    .describe(
      'members of the etcd that holds the metadata of a cluster; without it the broker is standalone',
    ),
  etcdPrefix: z
    .string()
    .regex(/^(\/[A-Za-z0-9._-]+)+$/, 'expected /NAME, or several of them')
    .default(DEFAULT_ETCD_PREFIX)
    .describe("what the cluster's keys in etcd begin with"),
  etcdUser: z.string().min(1).optional().describe('user of etcd, with --etcd-password'),
  etcdPassword: z.string().optional().describe("the user's password; better in the variable than as a flag"),
  etcdCa: z.string().min(1).optional().describe('PEM file: whom to trust as a member of etcd'),
  etcdCert: z.string().min(1).optional().describe('PEM file: certificate shown to etcd, with --etcd-key'),
  etcdKey: z.string().min(1).optional().describe("PEM file: the certificate's key"),
  rack: z
    .string()
    .min(1)
    .optional()
    .describe('where the broker stands: replicas are spread over racks, and clients read in their own'),
  brokerSessionMs: timeSetting(2_000, 300_000)
    .default(6_000)
    .describe('after how long a silent broker of a cluster is given up; etcd counts seconds'),
  replicaLagMs: timeSetting(500, 2 ** 31 - 1)
    .default(10_000)
    .describe('how long a replica may lack something before it leaves the in-sync replicas'),
  replication: wholeNumber(1, 100)
    .default(3)
    .describe('replicas of a topic created without a replication factor, in a cluster'),
  minInsync: wholeNumber(1, 100)
    .optional()
    .describe(
      'in-sync replicas that must have a record before it is acknowledged (acks=all), where a topic does not say otherwise; by default one less than --replication, at least 1',
    ),
  defaultPartitions: wholeNumber(1, 10_000)
    .default(6)
    .describe('partitions of a topic created without a count'),
  autoCreateTopics: z
    .boolean()
    .default(true)
    .describe('create a topic when a client or an agent first names it'),
  offsetsPartitions: wholeNumber(1, 1_000)
    .default(50)
    .describe('partitions of __consumer_offsets; settled when that topic is made'),
  consumerHeartbeatIntervalMs: timeSetting(100, 2 ** 31 - 1)
    .default(5_000)
    .describe('how often members of the new group protocol are to send heartbeats'),
  consumerSessionTimeoutMs: timeSetting(1_000, 2 ** 31 - 1)
    .default(45_000)
    .describe('after how long a silent member of the new group protocol is given up'),
  consumerMigrationPolicy: z
    .enum(MIGRATION_POLICIES)
    .default('bidirectional')
    .describe('which way a group with members may change between the classic and the new group protocol'),
  segmentBytes: sizeSetting(MIB)
    .default(256 * MIB)
    .describe('a segment of the log ends when its batches reach this size'),
  retentionCheckMs: timeSetting(10, 2 ** 31 - 1)
    .default(30_000)
    .describe("how often records past their topic's retention are looked for"),
  scrubBytesPerSecond: sizeSetting(0)
    .default(4 * MIB)
    .describe(
      'how fast all that is stored is read again and again, so that what rots is found in time; 0: never',
    ),
  segmentDeadShare: z
    .number()
    .min(0.05)
    .max(1)
    .default(0.5)
    .describe('share of a segment that may be deleted records before what lives is copied to a smaller file'),
  maxFrameBytes: sizeSetting(1024, 2 ** 31 - 1)
    .default(100 * MIB)
    .describe('largest Kafka request accepted'),
  maxMessageBytes: sizeSetting(1024, 2 ** 31 - 1)
    .default(1_048_588)
    .describe('largest record batch accepted, where a topic does not say otherwise'),
  maxConnections: wholeNumber(1).default(10_000).describe('Kafka connections served at once'),
  maxRequestMemoryBytes: sizeSetting(MIB)
    .default(64 * MIB)
    .describe('requests held in memory before connections are read no further'),
  flush: z.boolean().default(true).meta({
    hidden: true,
    description:
      'off LOSES ACKNOWLEDGED DATA, or the whole log, at a power cut: only to measure what flushing costs',
  }),
  logLevel: z.enum(LOG_LEVELS).default('info').describe('least severe level that is logged'),
});

export type HubSettings = z.infer<typeof brokerSettings>;

export const hubSettings = brokerSettings.superRefine((given, context) => {
  for (const [key, message] of contradictions(given))
    context.addIssue({ code: 'custom', path: [key], message });
});

/** What stands in the way of a cluster, by the setting to mend. */
export function* contradictions(
  given: Omit<HubSettings, 'dataDir'>,
): Generator<[key: keyof HubSettings, message: string]> {
  const { etcdUser, etcdPassword, etcdCert, etcdKey } = given;
  if ((etcdUser === undefined) !== (etcdPassword === undefined))
    yield ['etcdUser', '--etcd-user and --etcd-password go together'];
  if ((etcdCert === undefined) !== (etcdKey === undefined))
    yield ['etcdCert', '--etcd-cert and --etcd-key go together'];
  if (given.etcd.length === 0) {
    for (const key of ['etcdPrefix', 'etcdUser', 'etcdCa', 'etcdCert'] as const)
      if (given[key] !== undefined && given[key] !== DEFAULT_ETCD_PREFIX)
        yield [key, 'of no use without --etcd, which makes the broker one of a cluster'];
    return;
  }
  if (given.brokerId === undefined)
    yield ['brokerId', 'required with --etcd, and another one for each broker'];
  const { host } = parseAddress(given.advertise ?? given.kafka);
  if (isUnspecified(host)) yield ['advertise', `required with --etcd: others cannot connect to ${host}`];
}

/** Whether a listener's host stands for all addresses of its machine. */
export function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host);
}
