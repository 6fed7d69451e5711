import { PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN } from '../frames/types.ts';
import type { RefusalCode } from '../ports.ts';
import type { HubEffect, HubEvent, HubEventName, HubEventOf } from './events.ts';
import type { HubPhase, HubSession } from './state.ts';
import { type HubStreamEventName, onStream, openStream } from './stream.ts';

type Cell<E extends HubEvent> = (session: HubSession, event: E, now: number, out: HubEffect[]) => void;
type Row = { [N in HubEventName]: Cell<HubEventOf<N>> };

/**
 * The hub's side of one connection. Pure: the state it owns is changed in place, everything else is an effect.
 * README.md has the table in words.
 */
export function handleHub(
  session: HubSession,
  event: HubEvent,
  now: number,
): { state: HubSession; effects: HubEffect[] } {
  const effects: HubEffect[] = [];
  dispatch(session, event, now, effects);
  return { state: session, effects };
}

function dispatch<N extends HubEventName>(
  session: HubSession,
  event: HubEventOf<N>,
  now: number,
  out: HubEffect[],
): void {
  const row: Row = table[session.phase];
  row[event.type as N](session, event, now, out);
}

const ignore = () => {};

const violation: Cell<HubEvent> = (session, event, _now, out) =>
  refuseSession(session, out, 'protocol-error', `${event.type} frame in state ${session.phase}`);

const disconnect: Cell<HubEventOf<'disconnected'>> = (session) => {
  session.phase = 'ended';
};

const dismiss: Cell<HubEventOf<'dismiss'>> = (session, event, _now, out) =>
  refuseSession(session, out, event.code, event.message);

const toStream: Cell<HubEventOf<Exclude<HubStreamEventName, 'batch'>>> = (session, event, _now, out) => {
  const stream = session.streams.get(event.handle);
  if (stream !== undefined) onStream(session, stream, event, out);
};

/** A stream that there was no room for has no state here; the agent closes it all the same. */
const close: Cell<HubEventOf<'close'>> = (session, event, now, out) => {
  const isNoRoom = !session.streams.has(event.handle) && event.handle <= session.highestHandle;
  if (!isNoRoom) toOpenHandle(session, event, now, out);
};

/** A frame of the agent's for a handle that it did not open, or closed. */
const toOpenHandle: Cell<HubEventOf<'batch' | 'close'>> = (session, event, _now, out) => {
  const stream = session.streams.get(event.handle);
  if (stream !== undefined) onStream(session, stream, event, out);
  else
    refuseSession(session, out, 'protocol-error', `${event.type} frame for handle ${event.handle}, not open`);
};

const table: Record<HubPhase, Row> = {
  greeting: {
    hello: (session, event, now, out) => {
      const { version } = event;
      if (version < PROTOCOL_VERSION_MIN) {
        const spoken = `${PROTOCOL_VERSION_MIN} to ${PROTOCOL_VERSION_MAX}`;
        const message = `this hub speaks protocol versions ${spoken}, the agent ${version}`;
        refuseSession(session, out, 'unsupported-version', message);
        return;
      }
      session.phase = 'admitting';
      session.version = Math.min(version, PROTOCOL_VERSION_MAX);
      session.gateway = event.gateway;
      session.instance = event.instance;
      session.agentVersion = event.agentVersion;
      session.clockOffsetMs = event.time - now;
      out.push({ type: 'register', gateway: event.gateway, instance: event.instance });
    },
    open: violation,
    batch: violation,
    gap: violation,
    close: violation,
    admitted: violation,
    runOpened: ignore,
    runRefused: ignore,
    appendRefused: ignore,
    committed: ignore,
    commitRefused: ignore,
    gapDone: ignore,
    storeFailed: ignore,
    flush: ignore,
    dismiss,
    disconnected: disconnect,
  },
  admitting: {
    hello: violation,
    open: violation,
    batch: violation,
    gap: violation,
    close: violation,
    admitted: (session, _event, now, out) => {
      session.phase = 'live';
      const { creditBytes, maxFrameBytes } = session.limits;
      out.push({
        type: 'send',
        frame: {
          type: 'welcome',
          version: session.version,
          hubId: session.hubId,
          time: now,
          credit: creditBytes,
          maxFrameBytes,
        },
      });
    },
    runOpened: ignore,
    runRefused: ignore,
    appendRefused: ignore,
    committed: ignore,
    commitRefused: ignore,
    gapDone: ignore,
    storeFailed: ignore,
    flush: ignore,
    dismiss,
    disconnected: disconnect,
  },
  live: {
    hello: violation,
    open: (session, event, _now, out) => {
      const problem = openStream(session, event, out);
      if (problem !== undefined) refuseSession(session, out, 'protocol-error', problem);
    },
    batch: (session, event, now, out) => {
      const bytes = event.bytes.length;
      if (bytes > session.credit) {
        const message = `a batch of ${bytes} bytes with a credit of ${session.credit}`;
        refuseSession(session, out, 'protocol-error', message);
        return;
      }
      session.credit -= bytes;
      session.receivedBatches++;
      session.receivedBytes += bytes;
      toOpenHandle(session, event, now, out);
    },
    gap: (_session, { id, logId, topic, from, to, reason }, _now, out) => {
      out.push({ type: 'recordGap', id, gap: { logId, topic, from, to, reason } });
    },
    close,
    admitted: violation,
    runOpened: toStream,
    runRefused: toStream,
    appendRefused: toStream,
    committed: toStream,
    commitRefused: toStream,
    gapDone: (_session, { id }, _now, out) => {
      out.push({ type: 'send', frame: { type: 'gapRecorded', id } });
    },
    storeFailed: (session, event, _now, out) => refuseSession(session, out, 'store-failed', event.message),
    flush: (session, _event, _now, out) => flush(session, out),
    dismiss,
    disconnected: disconnect,
  },
  ended: {
    hello: ignore,
    open: ignore,
    batch: ignore,
    gap: ignore,
    close: ignore,
    admitted: ignore,
    runOpened: ignore,
    runRefused: ignore,
    appendRefused: ignore,
    committed: ignore,
    commitRefused: ignore,
    gapDone: ignore,
    storeFailed: ignore,
    flush: ignore,
    dismiss: ignore,
    disconnected: ignore,
  },
};

/** At most one ack per run, and one credit frame, however many batches were committed in the turn. */
function flush(session: HubSession, out: HubEffect[]): void {
  for (const stream of session.dirty) {
    stream.dirty = false;
    const { handle, committed } = stream;
    if (committed !== undefined && stream.phase !== 'closed') {
      out.push({ type: 'send', frame: { type: 'ack', handle, next: committed.next, crc: committed.crc } });
    }
  }
  session.dirty = [];
  if (session.creditOwed > 0) {
    out.push({ type: 'send', frame: { type: 'credit', bytes: session.creditOwed } });
    session.credit += session.creditOwed;
    session.creditOwed = 0;
  }
}

/** Says why, then ends. */
function refuseSession(session: HubSession, out: HubEffect[], code: RefusalCode, message: string): void {
  session.phase = 'ended';
  out.push({ type: 'send', frame: { type: 'refuse', code, message, handle: null } });
  out.push({ type: 'end', code, message });
}
