import { Tty } from '@edgelog/agent/serial/tty.ts';
import { EdgelogError } from '@edgelog/base';
import type { LineSettings } from '@edgelog/devices/profiles/decoder.ts';
import type { Listen } from './probe.ts';
import type { Sample } from './sample.ts';

/** More says nothing new. */
const SAMPLE_BYTES_MAX = 8192;
/** What comes right after a change of speed may have been sent before it. */
const SETTLE_MS = 50;

export interface Listener {
  listen: Listen;
  close(): Promise<void>;
}

/**
 * Listens on a port that is opened once: opening and closing toggles DTR, which restarts many boards. Nothing is sent.
 * Throws CONNECTION_LOST where the port cannot be opened or goes away.
 */
export function openListener(path: string): Listener {
  let tty: Tty | undefined;
  let lost: string | undefined;
  let onData: (chunk: Buffer) => void = () => {};
  let onLost: () => void = () => {};

  async function set(line: LineSettings): Promise<void> {
    if (tty !== undefined) return tty.setLine(line);
    const events = {
      data: (chunk: Buffer) => onData(chunk),
      lost: (reason: string) => {
        lost = reason;
        onLost();
      },
    };
    tty = await Tty.open(path, { ...line, flow: 'none' }, events).catch((cause: Error) => {
      throw new EdgelogError('CONNECTION_LOST', `${path} cannot be opened: ${cause.message}`, { cause });
    });
  }

  return {
    async listen(line, ms, signal) {
      await set(line);
      const chunks: Sample['chunks'][number][] = [];
      const begin = performance.now();
      await new Promise<void>((resolve) => {
        let bytes = 0;
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          onData = () => {};
          resolve();
        };
        const timer = setTimeout(end, ms);
        signal.addEventListener('abort', end);
        onLost = end;
        onData = (chunk) => {
          const atMs = performance.now() - begin;
          if (atMs < SETTLE_MS) return;
          chunks.push({ atMs, bytes: chunk });
          bytes += chunk.length;
          if (bytes >= SAMPLE_BYTES_MAX) end();
        };
        if (signal.aborted || lost !== undefined) end();
      });
      if (lost !== undefined) throw new EdgelogError('CONNECTION_LOST', `${path} went away: ${lost}`);
      return { line, listenedMs: performance.now() - begin, chunks };
    },
    close: async () => tty?.close(),
  };
}
