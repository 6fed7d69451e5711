import { assert } from '@edgelog/base';
import type { NewRunReason, RefusalCode } from '../ports.ts';
import { decideResume } from '../resume.ts';
import { end } from './ending.ts';
import type { AgentEffect, AgentEvent, AgentEventOf, StreamEvent } from './events.ts';
import { delivered } from './pace.ts';
import { dequeue, enqueue, sendBatches } from './sending.ts';
import type { AgentSession, AgentStream, AgentStreamPhase } from './state.ts';

type StreamEventName = 'stream' | 'gone' | 'opened' | 'ack' | 'refuse' | 'located' | 'restarted' | 'batches';

interface Context {
  session: AgentSession;
  stream: AgentStream;
  now: number;
  out: AgentEffect[];
}
type Cell<E extends AgentEvent> = (context: Context, event: E) => void;
type Row = { [N in StreamEventName]: Cell<AgentEventOf<N>> };

/** First wait before a stream that was refused for now is opened again; doubles, up to the second. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** The same for one that the hub cannot take at the moment: its partition gets another leader. */
const UNAVAILABLE_MIN_MS = 200;
const UNAVAILABLE_MAX_MS = 2_000;
/** A batch that was refused so often, with nothing else under way, is set aside. */
const SUSPECT_REFUSALS = 3;

/** Gives one stream its event; a run that the session no longer has is nobody's business. */
export function onStream<N extends StreamEventName>(
  session: AgentSession,
  producerId: number,
  event: AgentEventOf<N>,
  now: number,
  out: AgentEffect[],
): void {
  const stream = session.streams.get(producerId);
  if (stream === undefined) return;
  const row: Row = table[stream.phase];
  row[event.type as N]({ session, stream, now, out }, event);
}

export function addStream(session: AgentSession, event: StreamEvent): AgentStream {
  const stream: AgentStream = {
    run: event.run,
    phase: 'waiting',
    handle: 0,
    sealedEndOffset: event.sealedEndOffset,
    ended: event.ended,
    priority: event.priority,
    isBacklog: event.isBacklog,
    partition: undefined,
    acked: event.acked,
    hub: undefined,
    sentNext: 0,
    inFlight: [],
    inFlightBytes: 0,
    queued: false,
    needBytes: 0,
    retryAt: 0,
    refusals: 0,
    outages: 0,
    isUnreadable: false,
    suspect: undefined,
    reason: undefined,
  };
  session.streams.set(event.run.producerId, stream);
  return stream;
}

export function openStream(session: AgentSession, stream: AgentStream, out: AgentEffect[]): void {
  assert(isAside(stream), `opens a stream that is ${stream.phase}`);
  const { producerId, logId, topic, firstOffset } = stream.run;
  stream.phase = 'opening';
  stream.handle = session.nextHandle++;
  session.handles.set(stream.handle, stream);
  out.push({
    type: 'send',
    frame: {
      type: 'open',
      handle: stream.handle,
      producerId,
      logId,
      topic,
      firstOffset,
      ackedNext: stream.acked?.next ?? null,
      ackedCrc: stream.acked?.crc ?? null,
      sealedEnd: stream.sealedEndOffset,
    },
  });
}

const isAside = ({ phase }: AgentStream) => phase === 'waiting' || phase === 'refused';

/** Opens streams again, or ends the session with a hub that cannot take any of them while there are others. */
export function reopenDue(session: AgentSession, now: number, out: AgentEffect[]): void {
  const { unavailableSince = now, moveAfterMs = Number.POSITIVE_INFINITY } = session;
  if (now - unavailableSince >= moveAfterMs) {
    const message = `this broker could not take any stream for ${now - unavailableSince} ms`;
    end(session, out, 'soon', 'not-available', message);
    return;
  }
  for (const stream of session.streams.values()) {
    if (isAside(stream) && stream.retryAt <= now) openStream(session, stream, out);
  }
}

/**
 * What happens to a stream that the hub refuses: `final` sets it aside with an alarm, `again` opens it once more after a while,
 * `outage` soon and without a word of complaint.
 */
const REFUSAL: Record<RefusalCode, 'final' | 'again' | 'outage'> = {
  'illegal-topic': 'final',
  'batch-too-large': 'final',
  // The first time it may have been damaged on its way; a second time it is damaged here.
  'corrupt-batch': 'again',
  'topic-missing': 'again',
  'out-of-order': 'again',
  'store-failed': 'again',
  'not-available': 'outage',
  'shutting-down': 'again',
  'protocol-error': 'again',
  unauthorized: 'again',
  'duplicate-instance': 'again',
  'unsupported-version': 'again',
};

const grow: Cell<AgentEventOf<'stream'>> = ({ session, stream }, event) => {
  // A run is cut short where its rest goes on as another one: never while it is open at the hub.
  const mayBeCut = stream.handle === 0 || event.ended;
  assert(mayBeCut || event.sealedEndOffset >= stream.sealedEndOffset, 'the sealed end of a run went back');
  const { queued } = stream;
  dequeue(session, stream);
  stream.sealedEndOffset = event.sealedEndOffset;
  stream.ended = event.ended;
  stream.isBacklog = event.isBacklog;
  stream.priority = event.priority;
  if (queued) enqueue(session, stream);
};

const leave: Cell<AgentEventOf<'gone'>> = (context) => {
  closeHandle(context);
  context.session.streams.delete(context.stream.run.producerId);
};

const violation: Cell<AgentEventOf<'opened' | 'ack'>> = ({ session, stream, out }, event) =>
  end(
    session,
    out,
    'soon',
    'protocol-error',
    `the hub sent ${event.type} for a stream that is ${stream.phase}`,
  );

const refuse: Cell<AgentEventOf<'refuse'>> = (context, event) => refused(context, event.code, event.message);

const impossible: Cell<AgentEventOf<'located' | 'batches' | 'opened' | 'ack' | 'refuse'>> = (
  { stream },
  event,
) => assert(false, `${event.type} for a stream that is ${stream.phase}`);

const ignore = () => {};

const table: Record<AgentStreamPhase, Row> = {
  opening: {
    stream: grow,
    gone: leave,
    opened: ({ session, stream, out }, event) => {
      stream.phase = 'comparing';
      session.unavailableSince = undefined;
      stream.partition = event.partition;
      const hub =
        event.next === null || event.crc === null ? undefined : { next: event.next, crc: event.crc };
      stream.hub = hub;
      out.push({ type: 'locate', producerId: stream.run.producerId, hub });
    },
    ack: violation,
    refuse,
    located: impossible,
    restarted: ignore,
    batches: impossible,
  },
  comparing: {
    stream: grow,
    gone: leave,
    opened: violation,
    ack: violation,
    refuse,
    located: (context, event) => resume(context, event),
    restarted: ignore,
    batches: impossible,
  },
  flowing: {
    stream: (context, event) => {
      grow(context, event);
      enqueue(context.session, context.stream);
    },
    gone: leave,
    opened: violation,
    ack: (context, event) => acknowledge(context, event),
    refuse,
    located: impossible,
    restarted: ignore,
    batches: (context, event) => {
      const { session, stream, out } = context;
      const outcome = sendBatches(session, stream, event.batches, context.now, out);
      if (outcome.kind === 'too-large') {
        refused(
          context,
          'batch-too-large',
          `the batch at offset ${stream.sentNext} has ${outcome.bytes} bytes, a frame takes ${session.maxFrameBytes}`,
        );
      } else if (outcome.kind === 'hole') {
        stream.refusals++;
        reopenOrWait(context);
      } else if (outcome.kind === 'wrong' && stream.inFlight.length > 0) {
        stream.isUnreadable = true;
      } else if (outcome.kind === 'wrong') {
        report(context, 'error', 'sealed data cannot be read', { problem: outcome.message });
        const { run, sentNext: offset, hub } = stream;
        out.push({ type: 'unreadable', producerId: run.producerId, offset, hub });
        wait(context);
      }
    },
  },
  restarting: {
    stream: grow,
    gone: leave,
    opened: impossible,
    ack: impossible,
    refuse: impossible,
    located: impossible,
    restarted: (context, event) => {
      const { stream } = context;
      const isOver = stream.ended || stream.sealedEndOffset <= (stream.hub?.next ?? stream.run.firstOffset);
      if (event.error === undefined && isOver) {
        stream.suspect = undefined;
        reopen(context);
        return;
      }
      if (stream.suspect !== undefined) {
        stayRefused(
          context,
          stream.reason?.code ?? 'corrupt-batch',
          `it could not be set aside: ${event.error}`,
        );
        return;
      }
      report(context, 'error', 'a new run could not be opened', {
        problem: event.error ?? 'the old run is still there',
      });
      wait(context);
    },
    batches: impossible,
  },
  waiting: {
    stream: grow,
    gone: leave,
    opened: impossible,
    ack: impossible,
    refuse: impossible,
    located: impossible,
    restarted: ignore,
    batches: impossible,
  },
  refused: {
    stream: grow,
    gone: leave,
    opened: impossible,
    ack: impossible,
    refuse: impossible,
    located: impossible,
    restarted: ignore,
    batches: impossible,
  },
};

const NEW_RUN: Record<NewRunReason, string> = {
  'hub-lost-data': 'the hub lost acknowledged data that is no longer here, opening a new run',
  'hub-ahead': 'the hub holds more than was ever written here, opening a new run',
  'crc-mismatch': 'the hub holds other data at the same offsets, opening a new run',
  dropped: 'data was dropped here before the hub had it, opening a new run',
};

function resume(context: Context, { local }: AgentEventOf<'located'>): void {
  const { session, stream, out } = context;
  const { producerId } = stream.run;
  stream.acked = local.acked;
  stream.sealedEndOffset = local.sealedEndOffset;
  const decision = decideResume(stream.run, local, stream.hub);
  switch (decision.kind) {
    case 'send':
      stream.phase = 'flowing';
      stream.reason = undefined;
      stream.sentNext = decision.from;
      if (decision.acknowledge !== undefined) {
        stream.acked = decision.acknowledge;
        out.push({ type: 'acknowledge', producerId, position: decision.acknowledge });
      }
      if (decision.resent > 0) {
        report(context, 'error', 'the hub lost acknowledged data, sending it again', {
          from: decision.from,
          offsets: decision.resent,
        });
      }
      enqueue(session, stream);
      return;
    case 'new-run':
      closeHandle(context);
      stream.phase = 'restarting';
      report(context, 'error', NEW_RUN[decision.reason], {
        reason: decision.reason,
        hub: stream.hub,
        acked: local.acked,
        logStart: local.logStartOffset,
        sealedEnd: local.sealedEndOffset,
      });
      out.push({ type: 'startNewRun', producerId, reason: decision.reason, hub: stream.hub });
      return;
  }
}

function acknowledge(context: Context, { next, crc }: AgentEventOf<'ack'>): void {
  const { session, stream, now, out } = context;
  const index = stream.inFlight.findIndex((batch) => batch.next === next);
  const last = stream.inFlight[index];
  if (last === undefined || last.crc !== crc) {
    // The next session's `open` finds out what the hub really holds.
    const sent = last === undefined ? 'no batch in flight ends there' : `the batch sent has crc ${last.crc}`;
    end(
      session,
      out,
      'soon',
      'protocol-error',
      `ack of ${next} (crc ${crc}) for ${stream.run.topic}: ${sent}`,
    );
    return;
  }
  for (const batch of stream.inFlight.splice(0, index + 1)) {
    delivered(session.pace, batch, batch.bytes, now);
    stream.inFlightBytes -= batch.bytes;
    session.inFlightBytes -= batch.bytes;
    session.ackedBatches++;
    session.ackedBytes += batch.bytes;
  }
  stream.hub = { next, crc };
  stream.refusals = 0;
  stream.outages = 0;
  stream.suspect = undefined;
  if (stream.inFlight.length === 0) stream.isUnreadable = false;
  enqueue(session, stream);
  // While lost data is sent again the hub is behind what the disk says was acknowledged.
  if (stream.acked !== undefined && next <= stream.acked.next) return;
  stream.acked = { next, crc };
  out.push({ type: 'acknowledge', producerId: stream.run.producerId, position: stream.acked });
}

function refused(context: Context, code: RefusalCode, message: string): void {
  const { session, stream, now, out } = context;
  if (BATCH_REFUSALS.has(code)) suspect(stream);
  closeHandle(context);
  const before = stream.reason?.code ?? code;
  stream.reason = { code, message };
  if (REFUSAL[code] === 'outage') {
    if (stream.outages === 0)
      report(context, 'info', 'the hub cannot take a stream at the moment', { message });
    session.unavailableSince ??= now;
    stream.phase = 'waiting';
    stream.retryAt = now + doubled(UNAVAILABLE_MIN_MS, UNAVAILABLE_MAX_MS, stream.outages++);
    return;
  }
  stream.refusals++;
  const { producerId } = stream.run;
  if (stream.suspect?.offset !== undefined && stream.suspect.refusals >= SUSPECT_REFUSALS) {
    stream.phase = 'restarting';
    const batch = { offset: stream.suspect.offset, code, message };
    out.push({ type: 'setAside', producerId, refused: batch, hub: stream.hub });
    return;
  }
  if (REFUSAL[code] === 'final' || (code === 'corrupt-batch' && stream.refusals > 1)) {
    stayRefused(context, code, message);
    return;
  }
  // Not at every attempt, for as long as it lasts.
  if (stream.refusals === 1 || before !== code)
    report(context, 'warn', 'the hub refuses a stream for now', { code, message });
  // One that is merely out of step, or damaged on its way, is compared again at once.
  if (code === 'out-of-order' || code === 'corrupt-batch') reopenOrWait(context);
  else wait(context);
}

const BATCH_REFUSALS: ReadonlySet<RefusalCode> = new Set(['batch-too-large', 'corrupt-batch']);

/** The hub refuses a batch: it is known which one if nothing else is in flight, and from now on nothing else will be. */
function suspect(stream: AgentStream): void {
  const [batch, other] = stream.inFlight;
  const isNext = batch === undefined && stream.sentNext === (stream.hub?.next ?? stream.run.firstOffset);
  const offset = other !== undefined ? undefined : isNext ? stream.sentNext : batch?.base;
  const { suspect } = stream;
  const times = offset === undefined ? 0 : suspect?.offset === offset ? suspect.refusals + 1 : 1;
  stream.suspect = { offset, refusals: times };
}

function stayRefused({ session, stream, now, out }: Context, code: RefusalCode, message: string): void {
  stream.phase = 'refused';
  stream.reason = { code, message };
  stream.retryAt = now + session.refusedRetryMs;
  out.push({ type: 'refused', producerId: stream.run.producerId, code, message });
}

/** Compares with the hub again: at once, but only once without progress. */
function reopenOrWait(context: Context): void {
  if (context.stream.refusals > 1) wait(context);
  else reopen(context);
}

function reopen(context: Context): void {
  closeHandle(context);
  context.stream.phase = 'waiting';
  openStream(context.session, context.stream, context.out);
}

function wait(context: Context): void {
  const { stream, now } = context;
  closeHandle(context);
  stream.phase = 'waiting';
  stream.retryAt = now + doubled(RETRY_MIN_MS, RETRY_MAX_MS, stream.refusals);
}

const doubled = (minMs: number, maxMs: number, times: number): number =>
  Math.min(maxMs, minMs * 2 ** Math.min(times, 10));

/** Gives the handle back; what is in flight under it is no longer this session's to count. */
function closeHandle({ session, stream, out }: Context): void {
  if (stream.handle !== 0) {
    out.push({ type: 'send', frame: { type: 'close', handle: stream.handle } });
    session.handles.delete(stream.handle);
    stream.handle = 0;
  }
  dequeue(session, stream);
  session.inFlightBytes -= stream.inFlightBytes;
  stream.inFlightBytes = 0;
  stream.inFlight = [];
  stream.isUnreadable = false;
  stream.needBytes = 0;
}

function report(
  { stream, out }: Context,
  level: 'info' | 'warn' | 'error',
  event: string,
  fields: Record<string, unknown>,
): void {
  const { topic, logId, producerId } = stream.run;
  out.push({ type: 'report', level, event, fields: { topic, logId, producerId, ...fields } });
}
