import { hostname } from 'node:os';
import { topicPolicySchema, WEAR, WEAR_MODES } from '@edgelog/edge';
import { addressSetting, httpHostsSetting, LOG_LEVELS, sizeSetting, timeSetting } from '@edgelog/runtime';
import { kafkaFields } from '@edgelog/sink/kafka-fields.ts';
import { TOPIC_NAME } from '@edgelog/wire';
import { z } from 'zod';
import { routesSchema } from './ingest/index.ts';
import { aclSchema } from './mqtt/access/index.ts';
import { ANY_ORIGIN } from './mqtt/listeners/origins.ts';
import { serialSettingSchema } from './serial/setting.ts';
import { subscriptionsSchema } from './subscription/index.ts';
import { hubContradictions, hubField } from './uplink/hub-setting.ts';
import { uplinkFields } from './uplink/settings.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

const GATEWAY_NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}$/;

/** The host name cut to what a gateway may be called. */
export function defaultGateway(host: string = hostname()): string {
  return (
    host
      .replace(/[^a-zA-Z0-9._-]+/g, '-')
      .replace(/^[^a-zA-Z0-9]+/, '')
      .slice(0, 128) || 'gateway'
  );
}

/** As a browser sends it: scheme, host and port. */
const originSchema = z
  .string()
  .refine(
    (text) => text === ANY_ORIGIN || URL.parse(text)?.origin === text,
    'expected an origin such as https://desk.example or http://192.168.1.5:7422, without a path, or *',
  );

const count = (min: number, max: number) => z.number().int().min(min).max(max);

/** Each setting by itself. */
export const agentFields = z.object({
  dataDir: z.string().min(1).describe('directory of the log; made if missing, used by one process at a time'),
  gateway: z
    .string()
    .regex(GATEWAY_NAME, 'expected 1 to 128 of a-z A-Z 0-9 . _ - beginning with a letter or digit')
    .default(() => defaultGateway())
    .describe('name of this gateway, unique among those of a hub; default the host name'),
  hub: hubField,
  mqtt: addressSetting().default('127.0.0.1:1883').describe('where devices publish over MQTT'),
  mqttTls: addressSetting()
    .optional()
    .describe('where devices publish over MQTT with TLS, e.g. 0.0.0.0:8883'),
  mqttWs: addressSetting().optional().describe('where devices publish over MQTT in WebSockets'),
  mqttWss: addressSetting().optional().describe('the same with TLS'),
  mqttWsOrigins: z
    .array(originSchema)
    .default([])
    .describe(
      'web pages whose scripts may connect over WebSocket, as https://desk.example; * for those of any site; default none, devices are not asked',
    ),
  mqttTlsCert: z
    .string()
    .min(1)
    .optional()
    .describe(
      'certificate for --mqtt-tls, --mqtt-wss and --http-tls, a PEM file; taken anew when it changes',
    ),
  mqttTlsKey: z.string().min(1).optional().describe('its private key, a PEM file'),
  mqttTlsClientCa: z
    .string()
    .min(1)
    .optional()
    .describe('devices must show a certificate that one of these signed, a PEM file'),
  mqttUsers: z
    .string()
    .min(1)
    .optional()
    .describe(
      'file with who may connect, as edgelog users or mosquitto_passwd writes it; without it everybody may',
    ),
  mqttAcl: z
    .string()
    .min(1)
    .optional()
    .describe("file with what users may publish and subscribe to, as Mosquitto's acl_file"),
  acl: aclSchema.optional(),
  mqttMaxConnections: count(1, 100_000)
    .default(2000)
    .describe('MQTT connections at once; beyond, new ones are closed'),
  mqttMaxConnectionsPerAddress: count(1, 100_000)
    .default(1000)
    .describe('of one remote address, so that one host cannot take all'),
  mqttMaxMessagesPerSecond: count(0, 1_000_000)
    .default(0)
    .describe(
      'messages a second that are read of one MQTT client, the rest waits in its socket; 0 for no limit',
    ),
  mqttMaxBytesPerSecond: sizeSetting(0, GIB)
    .default(0)
    .describe('bytes a second that are read of one MQTT client; 0 for no limit'),
  mqttSessionHours: count(1, 10_000)
    .default(7 * 24)
    .describe('life of a persistent MQTT session whose client stays away, and what is queued for it'),
  http: addressSetting()
    .default('127.0.0.1:7422')
    .describe('the page, health, status, metrics, readings, uplink switch'),
  httpTls: addressSetting()
    .optional()
    .describe('the same with TLS and the certificate of --mqtt-tls-cert, e.g. 0.0.0.0:7443'),
  httpUsers: z
    .string()
    .min(1)
    .optional()
    .describe(
      'file with who may look and switch, as edgelog users writes it; apart from --mqtt-users, whose passwords devices have',
    ),
  httpHosts: httpHostsSetting(),
  serial: z
    .array(serialSettingSchema)
    .default([])
    .describe(
      'serial lines to read: PATH or PATH@BAUD; in the file also objects with port, framing and more',
    ),
  topic: z
    .string()
    .regex(TOPIC_NAME, 'expected a Kafka topic name: 1 to 249 of a-z A-Z 0-9 . _ -')
    .default('telemetry')
    .describe('Kafka topic that readings go to'),
  batchBytes: sizeSetting(KIB, 960 * KIB)
    .default(128 * KIB)
    .describe('bytes of records, before compression, that seal a batch'),
  lingerMs: timeSetting(0, 60_000)
    .default(100)
    .describe(
      'age that seals a batch while the uplink is up; ten times that where readings keep coming, so that batches compress well',
    ),
  compression: z
    .enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
    .default('zstd')
    .describe('of sealed batches'),
  maxMessageBytes: sizeSetting(1, 7 * MIB)
    .default(1_000_000)
    .describe(
      'largest payload of a message, and longest serial frame; with key and headers it must fit the max.message.bytes of the topic',
    ),
  wear: z
    .enum(WEAR_MODES)
    .default('balanced')
    .describe(
      'fast acknowledges as soon as the disk can; balanced waits up to 16 ms for more, saver up to 150 ms, to spare the flash',
    ),
  commitWindowMs: timeSetting(0, 1000)
    .optional()
    .describe('longest wait for more before a commit; default what --wear says'),
  journalBytes: sizeSetting(0, GIB)
    .default(4 * MIB)
    .describe('journal in front of the log, on disk and in memory: small commits write less; 0 for none'),
  maxDiskBytes: sizeSetting(16 * MIB)
    .default(4 * GIB)
    .describe('bytes the log may take on disk; when they are used up, devices are refused'),
  cardTbw: z
    .number()
    .positive()
    .default(10)
    .describe('terabytes that may be written to the card in its life, for the years told in /status'),
  segmentBytes: sizeSetting(MIB, GIB)
    .optional()
    .describe('size of a log segment; default a sixteenth of maxDiskBytes'),
  replayBytes: sizeSetting(0, GIB)
    .default(16 * MIB)
    .describe('acknowledged data kept per stream, for a hub that lost its newest'),
  subscribe: subscriptionsSchema
    .default([])
    .describe('existing MQTT brokers to take messages from: url, filters and more'),
  routes: routesSchema
    .default([])
    .describe(
      'where messages go, by MQTT topic, serial port and device; the first route that matches decides',
    ),
  unrouted: z
    .enum(['default', 'drop'])
    .default('default')
    .describe('what becomes of messages that no route matches: default sends them to --topic'),
  maxRoutedTopics: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('Kafka topics that routes may make out of captures; what would need more goes to --topic'),
  clock: z
    .enum(['auto', 'system'])
    .default('auto')
    .describe(
      "auto: the system's clock is trusted once systemd-timesyncd or the hub confirms it; system: always (chrony, GPS, an RTC)",
    ),
  ...uplinkFields,
  ...kafkaFields,
  topics: z
    .array(topicPolicySchema)
    .default([])
    .describe('per Kafka topic: priority, lane, whenFull; the first entry that matches holds'),
  logLevel: z.enum(LOG_LEVELS).default('info').describe('least level of the lines on stderr'),
});

export type AgentSettings = z.output<typeof agentFields>;

export const agentSettingsSchema = agentFields.superRefine((settings, context) => {
  for (const [key, message] of hubContradictions(settings))
    context.addIssue({ code: 'custom', path: [key], message });
});

export function segmentBytesOf(settings: AgentSettings): number {
  return settings.segmentBytes ?? Math.min(GIB, Math.max(MIB, Math.floor(settings.maxDiskBytes / 16)));
}

/** How the log writes, and how its commits are spaced: what `wear` says, with the wait that was asked for. */
export function logWear({ wear, commitWindowMs, journalBytes, maxDiskBytes }: AgentSettings) {
  const { pacing, ...writing } = WEAR[wear];
  return {
    log: { ...writing, journalBytes: Math.min(journalBytes, Math.floor(maxDiskBytes / 16)) },
    pacing: { ...pacing, intervalMs: commitWindowMs ?? pacing.intervalMs },
  };
}
