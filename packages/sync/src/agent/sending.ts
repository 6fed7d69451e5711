import { EdgelogError } from '@edgelog/base';
import { BATCH_HEADER_BYTES, type BatchHeader, readBatchHeader } from '@edgelog/wire';
import { maxBatchBytes } from '../frames/batch-frame.ts';
import type { AgentEffect } from './events.ts';
import { inFlightMax } from './pace.ts';
import type { AgentSession, AgentStream } from './state.ts';

/** Puts a stream with something to send in the queue; one with a suspect batch sends them one by one. */
export function enqueue(session: AgentSession, stream: AgentStream): void {
  if (stream.queued || stream.ended || stream.sentNext >= stream.sealedEndOffset) return;
  if ((stream.suspect !== undefined || stream.isUnreadable) && stream.inFlight.length > 0) return;
  stream.queued = true;
  session.sendQueue.add(stream);
}

/**
 * Asks for one window of the stream whose turn it is, unless enough is under way. A stream whose next batch needs more
 * credit than there is keeps its turn.
 */
export function nextRead(session: AgentSession, maxBytes: number, out: AgentEffect[]): void {
  const { sendQueue, credit, inFlightBytes } = session;
  const stream = sendQueue.next(session.leastPriority);
  if (stream === undefined) return;
  if (credit < Math.max(stream.needBytes, BATCH_HEADER_BYTES)) return;
  const room = inFlightMax(session.pace) - inFlightBytes;
  if (inFlightBytes > 0 && room < BATCH_HEADER_BYTES) return;
  sendQueue.take(stream);
  stream.queued = false;
  out.push({
    type: 'read',
    producerId: stream.run.producerId,
    offset: stream.sentNext,
    maxBytes: Math.max(1, Math.floor(Math.min(maxBytes, credit, stream.suspect === undefined ? room : 1))),
  });
}

/** Takes a stream that stops flowing out of the queue. */
export function dequeue(session: AgentSession, stream: AgentStream): void {
  if (stream.queued) session.sendQueue.remove(stream);
  stream.queued = false;
}

export type SendOutcome =
  | { kind: 'sent' }
  /** The batch can never travel: larger than a frame. */
  | { kind: 'too-large'; bytes: number }
  /** What comes next was dropped. */
  | { kind: 'hole' }
  /** What was read is not what was asked for. */
  | { kind: 'wrong'; message: string };

/** Sends as many of `batches` as the credit allows; the rest is read again when there is more. */
export function sendBatches(
  session: AgentSession,
  stream: AgentStream,
  batches: Buffer[] | { problem: string },
  now: number,
  out: AgentEffect[],
): SendOutcome {
  if ('problem' in batches) return { kind: 'wrong', message: batches.problem };
  if (batches.length === 0 && stream.sentNext < stream.sealedEndOffset) return { kind: 'hole' };
  for (const bytes of stream.suspect === undefined ? batches : batches.slice(0, 1)) {
    if (bytes.length > maxBatchBytes(session.maxFrameBytes))
      return { kind: 'too-large', bytes: bytes.length };
    if (bytes.length > session.credit) {
      stream.needBytes = bytes.length;
      stream.queued = true;
      session.sendQueue.hold(stream);
      return { kind: 'sent' };
    }
    const header = headerOf(bytes);
    if (typeof header === 'string') return { kind: 'wrong', message: header };
    if (header.baseOffset > stream.sentNext) return { kind: 'hole' };
    if (header.baseOffset !== stream.sentNext || header.producerId !== stream.run.producerId) {
      return {
        kind: 'wrong',
        message: `asked for offset ${stream.sentNext} of run ${stream.run.producerId}, read ${header.baseOffset} of ${header.producerId}`,
      };
    }
    stream.sentNext = header.lastOffset + 1;
    stream.needBytes = 0;
    stream.inFlight.push({
      base: header.baseOffset,
      next: stream.sentNext,
      crc: header.crc,
      bytes: bytes.length,
      sentAt: now,
      deliveredAtSend: session.pace.deliveredBytes,
    });
    stream.inFlightBytes += bytes.length;
    session.inFlightBytes += bytes.length;
    session.credit -= bytes.length;
    session.sentBatches++;
    session.sentBytes += bytes.length;
    out.push({ type: 'send', frame: { type: 'batch', handle: stream.handle, bytes } });
  }
  enqueue(session, stream);
  return { kind: 'sent' };
}

function headerOf(bytes: Buffer): BatchHeader | string {
  try {
    return readBatchHeader(bytes);
  } catch (error) {
    return error instanceof EdgelogError ? error.message : String(error);
  }
}
