import { PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN } from '../frames/types.ts';
import type { RefusalCode } from '../ports.ts';
import { end } from './ending.ts';
import type { AgentEffect, AgentEvent, AgentEventName, AgentEventOf, Retry } from './events.ts';
import { nextRead } from './sending.ts';
import type { AgentPhase, AgentSession } from './state.ts';
import { addStream, onStream, openStream, reopenDue } from './stream.ts';

type Cell<E extends AgentEvent> = (session: AgentSession, event: E, now: number, out: AgentEffect[]) => void;
type Row = { [N in AgentEventName]: Cell<AgentEventOf<N>> };

/**
 * The gateway's side of one connection. Pure: the state it owns is changed in place, everything else is an effect.
 * One session serves one connection; README.md has the table in words.
 */
export function handleAgent(
  session: AgentSession,
  event: AgentEvent,
  now: number,
): { state: AgentSession; effects: AgentEffect[] } {
  const effects: AgentEffect[] = [];
  dispatch(session, event, now, effects);
  return { state: session, effects };
}

function dispatch<N extends AgentEventName>(
  session: AgentSession,
  event: AgentEventOf<N>,
  now: number,
  out: AgentEffect[],
): void {
  const row: Row = table[session.phase];
  row[event.type as N](session, event, now, out);
}

const ignore = () => {};

const violation: Cell<AgentEvent> = (session, event, _now, out) =>
  end(session, out, 'soon', 'protocol-error', `the hub sent ${event.type} in state ${session.phase}`);

const disconnect: Cell<AgentEventOf<'disconnected'>> = (session) => {
  session.phase = 'ended';
};

const refuseSession = (session: AgentSession, event: AgentEventOf<'refuse'>, out: AgentEffect[]) =>
  end(session, out, RETRY[event.code], event.code, event.message);

/** How long to stay away after the hub refused the whole session. */
const RETRY: Record<RefusalCode, Retry> = {
  'duplicate-instance': 'late',
  'unsupported-version': 'late',
  unauthorized: 'late',
  'protocol-error': 'soon',
  'illegal-topic': 'soon',
  'topic-missing': 'soon',
  'out-of-order': 'soon',
  'corrupt-batch': 'soon',
  'batch-too-large': 'soon',
  'store-failed': 'soon',
  'not-available': 'soon',
  'shutting-down': 'soon',
};

const rememberStream: Cell<AgentEventOf<'stream'>> = (session, event) => {
  addStream(session, event);
};
const forgetStream: Cell<AgentEventOf<'gone'>> = (session, event) => {
  session.streams.delete(event.producerId);
};
const rememberGap: Cell<AgentEventOf<'gap'>> = (session, event) => {
  const { logId, from, to } = event.gap;
  const key = `${logId}:${from}:${to}`;
  if (session.declaredGaps.has(key)) return undefined;
  session.declaredGaps.add(key);
  session.gaps.set(session.nextGapId++, event.gap);
};
const dropGap = (session: AgentSession, id: number) => {
  const gap = session.gaps.get(id);
  session.gaps.delete(id);
  return gap;
};

const table: Record<AgentPhase, Row> = {
  connecting: {
    connected: (session, { time }, _now, out) => {
      session.phase = 'greeting';
      const { gateway, instance, version } = session.identity;
      out.push({
        type: 'send',
        frame: {
          type: 'hello',
          version: PROTOCOL_VERSION_MAX,
          gateway,
          instance,
          agentVersion: version,
          time,
        },
      });
    },
    welcome: violation,
    opened: violation,
    ack: violation,
    credit: violation,
    gapRecorded: violation,
    refuse: violation,
    stream: rememberStream,
    gone: forgetStream,
    gap: rememberGap,
    located: ignore,
    restarted: ignore,
    ready: ignore,
    batches: ignore,
    tick: ignore,
    disconnected: disconnect,
  },
  greeting: {
    connected: violation,
    welcome: (session, event, _now, out) => {
      if (event.version < PROTOCOL_VERSION_MIN || event.version > PROTOCOL_VERSION_MAX) {
        end(session, out, 'late', 'unsupported-version', `the hub speaks version ${event.version}`);
        return;
      }
      session.phase = 'live';
      session.hubId = event.hubId;
      session.credit = event.credit;
      session.maxFrameBytes = Math.min(session.maxFrameBytes, event.maxFrameBytes);
      out.push({ type: 'welcomed', hubId: event.hubId, time: event.time });
      for (const stream of session.streams.values()) openStream(session, stream, out);
      for (const [id, gap] of session.gaps) out.push({ type: 'send', frame: { type: 'gap', id, ...gap } });
    },
    opened: violation,
    ack: violation,
    credit: violation,
    gapRecorded: violation,
    refuse: (session, event, _now, out) => refuseSession(session, event, out),
    stream: rememberStream,
    gone: forgetStream,
    gap: rememberGap,
    located: ignore,
    restarted: ignore,
    ready: ignore,
    batches: ignore,
    tick: ignore,
    disconnected: disconnect,
  },
  live: {
    connected: violation,
    welcome: violation,
    opened: (session, event, now, out) => toHandle(session, event.handle, event, now, out),
    ack: (session, event, now, out) => toHandle(session, event.handle, event, now, out),
    credit: (session, event) => {
      session.credit += event.bytes;
    },
    gapRecorded: (session, event, _now, out) => {
      const gap = dropGap(session, event.id);
      if (gap === undefined) violation(session, event, 0, out);
      else out.push({ type: 'gapConfirmed', gap });
    },
    refuse: (session, event, now, out) => {
      if (event.handle === null) refuseSession(session, event, out);
      else toHandle(session, event.handle, event, now, out);
    },
    stream: (session, event, now, out) => {
      if (session.streams.has(event.run.producerId)) onStream(session, event.run.producerId, event, now, out);
      else openStream(session, addStream(session, event), out);
    },
    gone: (session, event, now, out) => onStream(session, event.producerId, event, now, out),
    gap: (session, event, now, out) => {
      const id = session.nextGapId;
      rememberGap(session, event, now, out);
      if (session.gaps.has(id)) out.push({ type: 'send', frame: { type: 'gap', id, ...event.gap } });
    },
    located: (session, event, now, out) => onStream(session, event.producerId, event, now, out),
    restarted: (session, event, now, out) => onStream(session, event.producerId, event, now, out),
    ready: (session, event, _now, out) => {
      session.leastPriority = event.leastPriority;
      nextRead(session, event.maxBytes, out);
    },
    batches: (session, event, now, out) => onStream(session, event.producerId, event, now, out),
    tick: (session, _event, now, out) => reopenDue(session, now, out),
    disconnected: disconnect,
  },
  ended: {
    connected: ignore,
    welcome: ignore,
    opened: ignore,
    ack: ignore,
    credit: ignore,
    gapRecorded: ignore,
    refuse: ignore,
    stream: ignore,
    gone: ignore,
    gap: ignore,
    located: ignore,
    restarted: ignore,
    ready: ignore,
    batches: ignore,
    tick: ignore,
    disconnected: ignore,
  },
};

/** A frame for a handle that was closed meanwhile crossed our `close` on its way: it means nothing any more. */
function toHandle(
  session: AgentSession,
  handle: number,
  event: AgentEventOf<'opened' | 'ack' | 'refuse'>,
  now: number,
  out: AgentEffect[],
): void {
  const stream = session.handles.get(handle);
  if (stream !== undefined) onStream(session, stream.run.producerId, event, now, out);
  else if (handle >= session.nextHandle || handle === 0) {
    end(
      session,
      out,
      'soon',
      'protocol-error',
      `the hub sent ${event.type} for handle ${handle}, never opened`,
    );
  }
}
