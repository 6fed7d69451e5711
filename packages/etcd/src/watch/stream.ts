import type { IncomingMessage } from 'node:http';
import { type WatchMessage, watchLine } from '../answers.ts';
import { EtcdError } from '../error.ts';
import { Lines } from '../http/lines.ts';
import { parseJson, refusalOf } from '../refusal.ts';

/**
 * The messages of one watch stream, in order. Reads only what is asked for, so a slow consumer holds up the socket and
 * not the memory. While it waits, `idle` is called every `idleMs`; if that rejects, so does the stream.
 */
export async function* watchMessages(
  response: IncomingMessage,
  what: string,
  idleMs: number,
  idle: () => Promise<void>,
): AsyncGenerator<WatchMessage, void, void> {
  const lines = new Lines();
  const chunks: AsyncIterator<Buffer> = response[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await whileProbing(chunks.next(), response, idleMs, idle);
    if (done) throw new EtcdError('UNAVAILABLE', 'notApplied', `${what} ended`);
    for (const line of lines.push(value)) {
      const message = watchLine.safeParse(parseJson(line));
      if (!message.success) throw refusalOf(line, what);
      yield message.data.result;
    }
  }
}

async function whileProbing<T>(
  waiting: Promise<T>,
  response: IncomingMessage,
  idleMs: number,
  idle: () => Promise<void>,
): Promise<T> {
  let probing = false;
  const timer = setInterval(async () => {
    if (probing) return;
    probing = true;
    await idle().catch((error) => response.destroy(error));
    probing = false;
  }, idleMs);
  try {
    return await waiting;
  } finally {
    clearInterval(timer);
  }
}
