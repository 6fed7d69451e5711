import { corrupt, type Field, readFields } from './protobuf.ts';

/** A metric as the payload has it. Field numbers and types are those of [Sparkplug 3.0, 6.4]. */
export interface Metric {
  name: string | undefined;
  alias: bigint | undefined;
  timestampMs: number | undefined;
  datatype: number | undefined;
  isHistorical: boolean;
  isTransient: boolean;
  isNull: boolean;
  /** MetaData, as it came. */
  metadata: Buffer | undefined;
  /** PropertySet, as it came. */
  properties: Buffer | undefined;
  /** The field that holds the value. */
  value: Field | undefined;
}

export interface Payload {
  timestampMs: number | undefined;
  seq: number | undefined;
  metrics: Metric[];
  uuid: string | undefined;
  body: Buffer | undefined;
}

const METRICS_MAX = 100_000;
/** int, long, float, double, boolean, string, bytes, dataset, template, extension */
const VALUE_FIELDS = { first: 10, last: 19 };

/** Throws CORRUPT_FRAME. */
export function readPayload(bytes: Buffer): Payload {
  const payload: Payload = {
    timestampMs: undefined,
    seq: undefined,
    metrics: [],
    uuid: undefined,
    body: undefined,
  };
  for (const field of readFields(bytes)) {
    if (field.number === 1) payload.timestampMs = numberOf(field);
    else if (field.number === 3) payload.seq = numberOf(field);
    else if (field.number === 4) payload.uuid = bytesOf(field).toString();
    else if (field.number === 5) payload.body = bytesOf(field);
    else if (field.number === 2) {
      if (payload.metrics.length === METRICS_MAX) throw corrupt(`more than ${METRICS_MAX} metrics`);
      payload.metrics.push(readMetric(bytesOf(field)));
    }
  }
  return payload;
}

function readMetric(bytes: Buffer): Metric {
  const metric: Metric = {
    name: undefined,
    alias: undefined,
    timestampMs: undefined,
    datatype: undefined,
    isHistorical: false,
    isTransient: false,
    isNull: false,
    metadata: undefined,
    properties: undefined,
    value: undefined,
  };
  for (const field of readFields(bytes)) {
    switch (field.number) {
      case 1:
        metric.name = bytesOf(field).toString();
        break;
      case 2:
        metric.alias = varintOf(field);
        break;
      case 3:
        metric.timestampMs = numberOf(field);
        break;
      case 4:
        metric.datatype = numberOf(field);
        break;
      case 5:
        metric.isHistorical = varintOf(field) !== 0n;
        break;
      case 6:
        metric.isTransient = varintOf(field) !== 0n;
        break;
      case 7:
        metric.isNull = varintOf(field) !== 0n;
        break;
      case 8:
        metric.metadata = bytesOf(field);
        break;
      case 9:
        metric.properties = bytesOf(field);
        break;
      default:
        if (field.number >= VALUE_FIELDS.first && field.number <= VALUE_FIELDS.last) metric.value = field;
    }
  }
  return metric;
}

export function varintOf(field: Field): bigint {
  if (field.type !== 'varint') throw corrupt(`field ${field.number} is no number`);
  return field.value;
}

export function bytesOf(field: Field): Buffer {
  if (field.type !== 'bytes') throw corrupt(`field ${field.number} has no length`);
  return field.value;
}

function numberOf(field: Field): number {
  return Number(varintOf(field));
}
