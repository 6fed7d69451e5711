import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/**
 * Pings, and calls `dead` once after `missedMax` intervals in which not a byte came in. Bytes, not pongs: on a slow link
 * a pong queues behind megabytes, but while any of them arrive the other end lives. Both ends ping, so that each has
 * something to hear however busy the other direction is. Who is not listened to is not silent. A ping carries the sender's `clock`, ms: the other
 * side's clock for whoever gets it, and how long the way there and back is for whoever gets it back.
 */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;

  constructor(
    ws: WebSocket,
    socket: Socket,
    intervalMs: number,
    missedMax: number,
    clock: () => number,
    dead: () => void,
  ) {
    let bytesRead = socket.bytesRead;
    let silent = 0;
    this.#timer = setInterval(() => {
      silent = socket.bytesRead === bytesRead && !ws.isPaused ? silent + 1 : 0;
      bytesRead = socket.bytesRead;
      if (silent >= missedMax) {
        this.stop();
        dead();
      } else {
        ws.ping(String(clock()));
      }
    }, intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** The clock in a ping or a pong; undefined for what an older version sent. */
export function clockIn(payload: Buffer): number | undefined {
  const text = payload.toString('latin1');
  return /^\d{1,16}(\.\d{1,16})?$/.test(text) ? Number(text) : undefined;
}
