import { EdgelogError } from '@edgelog/base';
import { BATCH_HEADER_BYTES, type BatchHeader, readBatchHeader } from '@edgelog/wire';
import { maxBatchBytes } from '../frames/batch-frame.ts';
import type { AgentEffect } from './events.ts';
import type { AgentSession, AgentStream } from './state.ts';

/** Puts a stream with something to send at the end of the queue. */
export function enqueue(session: AgentSession, stream: AgentStream): void {
  if (stream.queued || stream.ended || stream.sentNext >= stream.sealedEndOffset) return;
  stream.queued = true;
  session.sendQueue.push(stream);
}

/**
 * Asks for one window of the stream whose turn it is. A stream whose next batch needs more credit than there is keeps
 * its turn: others passing it for ever would starve it, and the credit it waits for is on its way.
 */
export function nextRead(session: AgentSession, maxBytes: number, out: AgentEffect[]): void {
  const { sendQueue } = session;
  const stream = sendQueue[0];
  if (stream === undefined) return;
  if (session.credit < Math.max(stream.needBytes, BATCH_HEADER_BYTES)) return;
  sendQueue.shift();
  stream.queued = false;
  out.push({
    type: 'read',
    producerId: stream.run.producerId,
    offset: stream.sentNext,
    maxBytes: Math.min(maxBytes, session.credit),
  });
}

/** Takes a stream that stops flowing out of the queue. */
export function dequeue(session: AgentSession, stream: AgentStream): void {
  if (stream.queued) session.sendQueue = session.sendQueue.filter((other) => other !== stream);
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
  out: AgentEffect[],
): SendOutcome {
  if ('problem' in batches) return { kind: 'wrong', message: batches.problem };
  for (const bytes of batches) {
    if (bytes.length > maxBatchBytes(session.maxFrameBytes))
      return { kind: 'too-large', bytes: bytes.length };
    if (bytes.length > session.credit) {
      stream.needBytes = bytes.length;
      stream.queued = true;
      session.sendQueue.unshift(stream);
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
    stream.inFlight.push({ next: stream.sentNext, crc: header.crc, bytes: bytes.length });
    stream.inFlightBytes += bytes.length;
    session.inFlightBytes += bytes.length;
    session.credit -= bytes.length;
    session.sentBatches++;
    session.sentBytes += bytes.length;
    out.push({ type: 'send', frame: { type: 'batch', handle: stream.handle, bytes } });
  }
  // A port that returned nothing below `sealedEndOffset` is asked again when it reports growth, not in a loop.
  if (batches.length > 0) enqueue(session, stream);
  return { kind: 'sent' };
}

function headerOf(bytes: Buffer): BatchHeader | string {
  try {
    return readBatchHeader(bytes);
  } catch (error) {
    return error instanceof EdgelogError ? error.message : String(error);
  }
}
