import { sleep } from '../../harness/wait.ts';
import type { History } from '../history/history.ts';
import { endOf } from './raw-reader.ts';
import type { Routes } from './routes.ts';

const EVERY_MS = 200;

/** Asks for the end of a partition again and again: it never goes back. */
export async function watchEnd(
  topic: string,
  index: number,
  context: { routes: Routes; history: History; nowMs: () => number; isWanted: () => boolean },
): Promise<void> {
  const { routes, history, nowMs, isWanted } = context;
  let failures = 0;
  while (isWanted()) {
    const connected = await routes.connect(topic, index, isWanted);
    if (connected === undefined) return;
    const { connection, leader } = connected;
    try {
      while (isWanted()) {
        const askedAtMs = nowMs();
        const told = await endOf(connection, leader, topic, index);
        if (told === undefined) break;
        failures = 0;
        history.toldEnd(`${topic}-${index}`, { ...told, askedAtMs });
        await sleep(EVERY_MS);
      }
    } catch {
      // The connection broke: again, elsewhere.
    } finally {
      connection.close();
    }
    if (isWanted()) await routes.again(failures++);
  }
}
