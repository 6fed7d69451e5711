import { EdgelogError } from '@edgelog/base';
import type { Births } from './births.ts';
import { type Metric, type Payload, readPayload } from './payload.ts';
import { DATA_TYPES, jsonValue } from './value.ts';

/** A payload as JSON, or why it goes on as it came. */
export type Decoded =
  | { json: Buffer; timestampMs: number | undefined; save: (() => void) | undefined }
  | { raw: 'undecodable' | 'unknown-alias'; why: string; timestampMs: number | undefined };

const DATA_TOPIC = /^spBv1\.0\/([^/]+)\/([ND])(BIRTH|DATA|DEATH|CMD)\/([^/]+)(?:\/([^/]+))?$/;
/** A key of the log's table has 1,024 bytes. */
const NODE_LENGTH_MAX = 250;

/** Is this a topic whose messages are Sparkplug B payloads? */
export function isSparkplugTopic(topic: string): boolean {
  return DATA_TOPIC.test(topic);
}

/**
 * `{timestamp, seq, metrics: [{name, type, value, timestamp}]}`; aliases become the names that a birth gave them. What cannot
 * be decoded wholly is not decoded at all: nothing of it may be lost.
 */
export function decodeSparkplug(topic: string, value: Buffer, births: Births): Decoded {
  const [, group, level, verb, edgeNode] = DATA_TOPIC.exec(topic) ?? [];
  if (group === undefined) return raw('undecodable', `${topic} is no Sparkplug B topic`);
  const node = `${group}/${edgeNode}`;
  if (node.length > NODE_LENGTH_MAX)
    return raw('undecodable', 'the names of group and edge node are too long');
  let payload: Payload | undefined;
  try {
    payload = readPayload(value);
    if (verb === 'BIRTH') return born(node, level === 'N', payload, births);
    const metrics = payload.metrics.map((metric) => jsonMetric(node, metric, births));
    return { json: toJson(payload, metrics), timestampMs: payload.timestampMs, save: undefined };
  } catch (error) {
    if (!(error instanceof EdgelogError)) throw error;
    const kind = error instanceof UnknownAlias ? 'unknown-alias' : 'undecodable';
    return raw(kind, error.message, payload?.timestampMs);
  }
}

function born(node: string, isNode: boolean, payload: Payload, births: Births): Decoded {
  // All of it is read before anything is learnt: half a birth would be worse than none.
  const metrics = payload.metrics.map((metric) => jsonMetric(node, metric, births));
  if (isNode) births.begin(node);
  for (const { name, alias, datatype } of payload.metrics) {
    if (alias === undefined || name === undefined) continue;
    if (!births.learn(node, alias, { name, datatype })) {
      return raw('undecodable', `no room for the aliases of ${node}`, payload.timestampMs);
    }
  }
  return { json: toJson(payload, metrics), timestampMs: payload.timestampMs, save: () => births.save(node) };
}

function jsonMetric(node: string, metric: Metric, births: Births) {
  const known = metric.name === undefined ? resolve(node, metric.alias, births) : undefined;
  const datatype = metric.datatype ?? known?.datatype;
  const type = datatype === undefined ? undefined : DATA_TYPES[datatype];
  return {
    name: metric.name ?? known?.name,
    type,
    timestamp: metric.timestampMs,
    historical: metric.isHistorical || undefined,
    transient: metric.isTransient || undefined,
    value: metric.isNull || metric.value === undefined ? null : jsonValue(metric.value, type),
  };
}

class UnknownAlias extends EdgelogError {}

function resolve(node: string, alias: bigint | undefined, births: Births) {
  if (alias === undefined) return undefined;
  const known = births.resolve(node, alias);
  if (known === undefined) {
    throw new UnknownAlias('CORRUPT_FRAME', `no birth of ${node} was seen that names alias ${alias}`);
  }
  return known;
}

function toJson({ timestampMs, seq }: Payload, metrics: object[]): Buffer {
  return Buffer.from(JSON.stringify({ timestamp: timestampMs, seq, metrics }));
}

function raw(kind: 'undecodable' | 'unknown-alias', why: string, timestampMs?: number): Decoded {
  return { raw: kind, why, timestampMs };
}
