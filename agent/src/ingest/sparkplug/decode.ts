import { EdgelogError } from '@edgelog/base';
import { parsePayload, valueAt } from '../json.ts';
import { type Births, metricKey } from './births.ts';
import { type Metric, type Payload, readPayload } from './payload.ts';
import { jsonProperties } from './properties.ts';
import { DATA_TYPES, isAmbiguous, jsonValue } from './value.ts';

/** A payload as JSON, or why it goes on as it came. */
export type Decoded =
  | { json: Buffer; timestampMs: number | undefined; save: (() => void) | undefined }
  | { raw: 'undecodable' | 'unknown-alias'; why: string; timestampMs: number | undefined };

const DATA_TOPIC = /^spBv1\.0\/([^/]+)\/([ND])(BIRTH|DATA|DEATH|CMD)\/([^/]+)(?:\/([^/]+))?$/;
/** A host application says whether it is online, in JSON. */
const STATE_TOPIC = /^spBv1\.0\/STATE\/[^/]+$/;
/** A key of the log's table has 1,024 bytes. */
const NODE_LENGTH_MAX = 250;

/** Is this a topic of Sparkplug B? */
export function isSparkplugTopic(topic: string): boolean {
  return DATA_TOPIC.test(topic) || STATE_TOPIC.test(topic);
}

/**
 * `{timestamp, seq, metrics: [{name, type, value, timestamp, properties}]}`; aliases become the names that a birth gave them, and types
 * that data leave out are those of the birth. What cannot be decoded wholly is not decoded at all: nothing of it may be lost.
 */
export function decodeSparkplug(topic: string, value: Buffer, births: Births): Decoded {
  if (STATE_TOPIC.test(topic)) return hostState(value);
  const [, group, level, verb, edgeNode, device] = DATA_TOPIC.exec(topic) ?? [];
  if (group === undefined) return raw('undecodable', `${topic} is no Sparkplug B topic`);
  const node = `${group}/${edgeNode}`;
  const sender: Sender = { node, device, births };
  if (node.length > NODE_LENGTH_MAX)
    return raw('undecodable', 'the names of group and edge node are too long');
  let payload: Payload | undefined;
  try {
    payload = readPayload(value);
    if (verb === 'BIRTH') return born(sender, level === 'N', payload);
    const metrics = payload.metrics.map((metric) => jsonMetric(sender, metric));
    return { json: toJson(payload, metrics), timestampMs: payload.timestampMs, save: undefined };
  } catch (error) {
    if (!(error instanceof EdgelogError)) throw error;
    const kind = error instanceof UnknownAlias ? 'unknown-alias' : 'undecodable';
    return raw(kind, error.message, payload?.timestampMs);
  }
}

/** `{"online": true, "timestamp": 1700000000000}` [Sparkplug 3.0, 6.4.26]; before 3.0 it was a word. */
function hostState(value: Buffer): Decoded {
  const state = parsePayload(value);
  if (typeof state !== 'object') return raw('undecodable', 'the state of a host application is not JSON');
  const timestamp = valueAt(state, ['timestamp']);
  return {
    json: value,
    timestampMs: typeof timestamp === 'number' ? timestamp : undefined,
    save: undefined,
  };
}

interface Sender {
  node: string;
  device: string | undefined;
  births: Births;
}

function born(sender: Sender, isNode: boolean, payload: Payload): Decoded {
  const { node, device, births } = sender;
  // All of it is read before anything is learnt: half a birth would be worse than none.
  const metrics = payload.metrics.map((metric) => jsonMetric(sender, metric));
  if (isNode) births.begin(node);
  for (const { name, alias, datatype } of payload.metrics) {
    if (alias === undefined || name === undefined) continue;
    if (!births.learn(node, alias.toString(), { name, datatype })) {
      return raw('undecodable', `no room for the aliases of ${node}`, payload.timestampMs);
    }
  }
  for (const { name, alias, datatype } of payload.metrics) {
    if (alias === undefined && name !== undefined)
      births.learn(node, metricKey(device, name), { name: '', datatype });
  }
  return { json: toJson(payload, metrics), timestampMs: payload.timestampMs, save: () => births.save(node) };
}

function jsonMetric(sender: Sender, metric: Metric) {
  const known = knownOf(sender, metric);
  const name = metric.name ?? known?.name;
  const datatype = metric.datatype ?? known?.datatype;
  const type = datatype === undefined ? undefined : DATA_TYPES[datatype];
  const { value, metadata, properties } = metric;
  if (value !== undefined && isAmbiguous(value, type)) {
    throw new UnknownAlias(
      'CORRUPT_FRAME',
      `no birth of ${sender.node} was seen that says the type of ${name}`,
    );
  }
  return {
    name,
    type,
    timestamp: metric.timestampMs,
    historical: metric.isHistorical || undefined,
    transient: metric.isTransient || undefined,
    metadata: base64(metadata),
    properties: properties === undefined ? undefined : jsonProperties(properties),
    value: metric.isNull || value === undefined ? null : jsonValue(value, type),
  };
}

function base64(bytes: Buffer | undefined) {
  return bytes === undefined ? undefined : { base64: bytes.toString('base64') };
}

class UnknownAlias extends EdgelogError {}

/** What a birth has said of a metric. Throws where only a birth could say what its name is. */
function knownOf({ node, device, births }: Sender, { name, alias, datatype }: Metric) {
  if (name !== undefined && datatype !== undefined) return undefined;
  if (alias === undefined)
    return name === undefined ? undefined : births.resolve(node, metricKey(device, name));
  const known = births.resolve(node, alias.toString());
  if (known === undefined && name === undefined) {
    throw new UnknownAlias('CORRUPT_FRAME', `no birth of ${node} was seen that names alias ${alias}`);
  }
  return known;
}

function toJson({ timestampMs, seq, uuid, body }: Payload, metrics: object[]): Buffer {
  return Buffer.from(JSON.stringify({ timestamp: timestampMs, seq, uuid, metrics, body: base64(body) }));
}

function raw(kind: 'undecodable' | 'unknown-alias', why: string, timestampMs?: number): Decoded {
  return { raw: kind, why, timestampMs };
}
