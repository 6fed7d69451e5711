import type { Gap, Incident } from '@edgelog/sync';
import { crc32c } from '@edgelog/wire';
import type { KeyedValue } from './records.ts';

/** Where declared gaps and refusals go, at a hub and in a Kafka cluster. */
export const EVENTS_TOPIC = 'edgelog.events';

/** One readable record; told at least once, and always under the same id. Offsets are the gateway's. */
export interface EdgelogEvent {
  readonly id: string;
  /** ISO 8601, when it was told. */
  readonly at: string;
  readonly event: 'gap' | 'refusal' | 'divergence' | 'duplicate-gateway' | 'lost' | 'topic-recreated';
  readonly gateway: string;
  readonly topic?: string;
  readonly logId?: string;
  readonly producerId?: number;
  /** Records [from, to). */
  readonly from?: number;
  readonly to?: number;
  readonly records?: number;
  readonly reason?: string;
  readonly message?: string;
  /** Instances of agents; `remote` where both were at one sync gateway. */
  readonly holder?: { readonly instance: string; readonly remote?: string };
  readonly refused?: { readonly instance: string; readonly remote?: string };
}

/** `at`: milliseconds since the epoch. */
export function gapEvent(gateway: string, { logId, topic, from, to, reason }: Gap, at: number): EdgelogEvent {
  const id = `gap/${logId}/${from}-${to}`;
  return { ...base(id, at, 'gap', gateway), topic, logId, from, to, records: to - from, reason };
}

export function eventOf(incident: Incident, at: number): EdgelogEvent {
  const { gateway } = incident;
  if (incident.type === 'duplicate-gateway') {
    const { holder, refused } = incident;
    const id = `duplicate-gateway/${gateway}/${holder.instance}/${refused.instance}`;
    return { ...base(id, at, incident.type, gateway), holder, refused };
  }
  const { topic, logId, producerId } = incident.run;
  const run = { topic, logId, producerId };
  if (incident.type === 'divergence') {
    const { reason, position } = incident;
    const next = position?.next ?? incident.run.firstOffset;
    const id = `divergence/${logId}/${producerId}/${reason}/${next}`;
    return { ...base(id, at, incident.type, gateway), ...run, from: next, reason };
  }
  const { code, message } = incident;
  const id = `refusal/${logId}/${producerId}/${code}/${crc32c(Buffer.from(message)).toString(16)}`;
  return { ...base(id, at, incident.type, gateway), ...run, reason: code, message };
}

export function encodeEvent(event: EdgelogEvent): KeyedValue {
  return { key: event.gateway, value: JSON.stringify(event) };
}

function base(id: string, at: number, event: EdgelogEvent['event'], gateway: string) {
  return { id, at: new Date(at).toISOString(), event, gateway };
}
