import { assert, EdgelogError } from '@edgelog/base';
import { type BatchHeader, isReservedProducerId, readBatchHeader, sequenceOf } from '@edgelog/wire';
import type { OpenFrame } from '../frames/types.ts';
import type { RefusalCode } from '../ports.ts';
import { hubDivergence } from '../resume.ts';
import type { HubEffect, HubEvent, HubEventOf } from './events.ts';
import type { HubSession, HubStream, HubStreamPhase } from './state.ts';

export type HubStreamEventName =
  | 'batch'
  | 'close'
  | 'runOpened'
  | 'runRefused'
  | 'appendRefused'
  | 'committed'
  | 'commitRefused';

interface Context {
  session: HubSession;
  stream: HubStream;
  out: HubEffect[];
}
type Cell<E extends HubEvent> = (context: Context, event: E) => void;
type Row = { [N in HubStreamEventName]: Cell<HubEventOf<N>> };

export function onStream<N extends HubStreamEventName>(
  session: HubSession,
  stream: HubStream,
  event: HubEventOf<N>,
  out: HubEffect[],
): void {
  const row: Row = table[stream.phase];
  row[event.type as N]({ session, stream, out }, event);
}

/** Takes an `open` frame. Answers what is wrong with it, if it breaks the protocol. */
export function openStream(session: HubSession, frame: OpenFrame, out: HubEffect[]): string | undefined {
  const { handle, producerId, logId, topic, firstOffset, ackedNext, ackedCrc, sealedEnd } = frame;
  if (handle <= session.highestHandle) return `open of handle ${handle} after ${session.highestHandle}`;
  if (session.runs.has(producerId)) return `run ${producerId} is open already`;
  if (!isReservedProducerId(producerId)) return `producer id ${producerId} is not from the range of runs`;
  session.highestHandle = handle;
  const { streamsMax } = session.limits;
  if (session.streams.size >= streamsMax) {
    const message = `a session has room for ${streamsMax} streams`;
    out.push({ type: 'send', frame: { type: 'refuse', code: 'protocol-error', message, handle } });
    return undefined;
  }
  const acked = ackedNext === null || ackedCrc === null ? undefined : { next: ackedNext, crc: ackedCrc };
  const run = { producerId, logId, topic, firstOffset };
  const stream: HubStream = {
    handle,
    run,
    openedAt: { acked, sealedEnd },
    phase: 'opening',
    partition: undefined,
    receivedNext: firstOffset,
    committed: undefined,
    uncommitted: [],
    dirty: false,
    divergence: undefined,
    refusal: undefined,
  };
  session.streams.set(handle, stream);
  session.runs.set(producerId, stream);
  out.push({ type: 'openRun', handle, run, acked });
  return undefined;
}

const close: Cell<HubEventOf<'close'>> = ({ session, stream }) => {
  session.runs.delete(stream.run.producerId);
  stream.phase = 'closed';
  if (stream.uncommitted.length === 0) session.streams.delete(stream.handle);
};

/** The agent sent it before it heard of the refusal. */
const discard: Cell<HubEventOf<'batch'>> = ({ session }, { bytes }) => {
  session.creditOwed += bytes.length;
};

const impossible: Cell<
  HubEventOf<'runOpened' | 'runRefused' | 'appendRefused' | 'committed' | 'commitRefused'>
> = ({ stream }, event) => assert(false, `${event.type} for a stream that is ${stream.phase}`);

const ignore = () => {};

const unasked: Cell<HubEventOf<'batch' | 'close'>> = (context, event) => {
  if (event.type === 'batch') discard(context, event);
  refuse(context, 'protocol-error', `${event.type} frame for a stream that is ${context.stream.phase}`);
};

const table: Record<HubStreamPhase, Row> = {
  opening: {
    batch: unasked,
    close,
    runOpened: (context, event) => opened(context, event),
    runRefused: (context, event) => refuse(context, event.code, event.message),
    appendRefused: impossible,
    committed: impossible,
    commitRefused: impossible,
  },
  open: {
    batch: (context, event) => receive(context, event),
    close,
    runOpened: impossible,
    runRefused: impossible,
    appendRefused: (context, event) => {
      const last = context.stream.uncommitted.pop();
      if (last !== undefined) giveBack(context.session, last.bytes);
      refuse(context, event.code, event.message);
    },
    committed: (context, event) => commit(context, event),
    commitRefused: (context, event) => {
      giveUp(context);
      refuse(context, event.code, event.message);
    },
  },
  diverged: {
    batch: (context, event) => {
      discard(context, event);
      const { divergence, run } = context.stream;
      refuse(
        context,
        'out-of-order',
        `run ${run.producerId} has diverged (${divergence}), it takes no batches`,
      );
    },
    close,
    runOpened: impossible,
    runRefused: impossible,
    appendRefused: impossible,
    committed: impossible,
    commitRefused: impossible,
  },
  refused: {
    batch: discard,
    close,
    runOpened: ignore,
    runRefused: ignore,
    appendRefused: impossible,
    committed: (context, event) => commit(context, event),
    commitRefused: (context) => giveUp(context),
  },
  closed: {
    batch: unasked,
    close: unasked,
    runOpened: ignore,
    runRefused: ignore,
    appendRefused: impossible,
    committed: (context, event) => {
      commit(context, event);
      const { session, stream } = context;
      if (stream.uncommitted.length === 0) session.streams.delete(stream.handle);
    },
    commitRefused: (context) => {
      giveUp(context);
      context.session.streams.delete(context.stream.handle);
    },
  },
};

function opened({ stream, out }: Context, { partition, position }: HubEventOf<'runOpened'>): void {
  const { acked, sealedEnd } = stream.openedAt;
  stream.partition = partition;
  stream.committed = position;
  stream.receivedNext = position?.next ?? stream.run.firstOffset;
  stream.divergence = hubDivergence(stream.run, acked, sealedEnd, position);
  stream.phase = stream.divergence === undefined ? 'open' : 'diverged';
  if (stream.divergence !== undefined) {
    out.push({ type: 'divergence', run: stream.run, reason: stream.divergence, position });
  }
  out.push({
    type: 'send',
    frame: {
      type: 'opened',
      handle: stream.handle,
      partition,
      next: position?.next ?? null,
      crc: position?.crc ?? null,
    },
  });
}

function receive(context: Context, { bytes }: HubEventOf<'batch'>): void {
  const { session, stream, out } = context;
  const header = headerOf(bytes);
  const problem = typeof header === 'string' ? header : implausible(header, stream, bytes.length);
  if (typeof header === 'string' || problem !== undefined) {
    session.creditOwed += bytes.length;
    refuse(context, 'corrupt-batch', `${problem} in ${stream.run.topic}`);
    return;
  }
  if (header.baseOffset !== stream.receivedNext) {
    session.creditOwed += bytes.length;
    const message = `batch at offset ${header.baseOffset} where ${stream.receivedNext} is next`;
    refuse(context, 'out-of-order', `${message}, run ${stream.run.producerId}, topic ${stream.run.topic}`);
    return;
  }
  stream.receivedNext = header.lastOffset + 1;
  stream.uncommitted.push({ next: stream.receivedNext, crc: header.crc, bytes: bytes.length });
  session.uncommittedBytes += bytes.length;
  out.push({ type: 'append', handle: stream.handle, producerId: stream.run.producerId, batch: bytes });
}

function headerOf(bytes: Buffer): BatchHeader | string {
  try {
    return readBatchHeader(bytes);
  } catch (error) {
    if (error instanceof EdgelogError) return error.message;
    throw error;
  }
}

/** What a batch of a run can never look like (DESIGN, "Identity"); its CRC is the store's to check. */
function implausible(header: BatchHeader, { run }: HubStream, bytes: number): string | undefined {
  if (header.sizeBytes !== bytes) return `batch of ${header.sizeBytes} bytes in a frame with ${bytes}`;
  if (header.producerId !== run.producerId)
    return `batch of producer ${header.producerId} in run ${run.producerId}`;
  if (header.producerEpoch !== 0) return `producer epoch ${header.producerEpoch} instead of 0`;
  if (header.baseSequence !== sequenceOf(header.baseOffset)) {
    return `sequence ${header.baseSequence} at offset ${header.baseOffset}`;
  }
  if (header.recordCount !== header.lastOffsetDelta + 1) {
    return `${header.recordCount} records in ${header.lastOffsetDelta + 1} offsets`;
  }
  return header.isControl || header.isTransactional ? 'a control or transactional batch' : undefined;
}

/**
 * The position may be further than the batch it answers (a duplicate, a commit of several): what is acknowledged is the
 * last batch of this session that it covers, with the store's CRC where the two end together.
 */
function commit({ session, stream }: Context, { position }: HubEventOf<'committed'>): void {
  let last = stream.uncommitted[0];
  if (last === undefined || last.next > position.next) return;
  for (let batch = stream.uncommitted[0]; batch !== undefined; batch = stream.uncommitted[0]) {
    if (batch.next > position.next) break;
    last = batch;
    stream.uncommitted.shift();
    giveBack(session, batch.bytes);
  }
  stream.committed = { next: last.next, crc: last.next === position.next ? position.crc : last.crc };
  if (!stream.dirty) {
    stream.dirty = true;
    session.dirty.push(stream);
  }
}

/** Nothing of what is in flight is waited for any more: opening the run again tells what became of it. */
function giveUp({ session, stream }: Context): void {
  for (const { bytes } of stream.uncommitted.splice(0)) giveBack(session, bytes);
}

function giveBack(session: HubSession, bytes: number): void {
  session.uncommittedBytes -= bytes;
  session.creditOwed += bytes;
}

function refuse({ stream, out }: Context, code: RefusalCode, message: string): void {
  stream.phase = 'refused';
  stream.refusal = { code, message };
  out.push({ type: 'send', frame: { type: 'refuse', code, message, handle: stream.handle } });
}
