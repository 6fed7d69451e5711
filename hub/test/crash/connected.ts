import { setTimeout as sleep } from 'node:timers/promises';
import type { Prng } from '@edgelog/sim';
import { ConnectionClosed, RawClient } from '../support/raw-client.ts';
import type { Book } from './book.ts';
import type { Gate } from './gate.ts';

const RETRY_MS = 10;

/** What every client of the crash test works with. */
export interface ClientContext {
  port: number;
  gate: Gate;
  book: Book;
  prng: Prng;
}

/**
 * Runs `session` on one connection after another, as long as the gate lets it in. A session ends by itself when the gate has
 * closed, or with its connection; anything else that ends it is a violation.
 */
export async function keepConnected(
  { port, gate, book }: ClientContext,
  session: (client: RawClient) => Promise<void>,
): Promise<void> {
  while (await gate.enter()) {
    let client: RawClient | undefined;
    try {
      client = await RawClient.connect(port);
      client.socket.setNoDelay(true);
      await session(client);
    } catch (error) {
      if (!isLost(error)) book.violations.push(error instanceof Error ? error.stack! : String(error));
    } finally {
      client?.end();
      gate.leave();
    }
    await sleep(RETRY_MS);
  }
}

const isLost = (error: unknown): boolean =>
  error instanceof ConnectionClosed || (error instanceof Error && 'syscall' in error);
