import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/**
 * Pings, and calls `dead` once after `missedMax` intervals in which not a byte came in. Bytes, not pongs: on a slow link
 * a pong queues behind megabytes, but while any of them arrive the other end lives. Both ends ping, so that each has
 * something to hear however busy the other direction is. Who is not listened to is not silent.
 */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;

  constructor(ws: WebSocket, socket: Socket, intervalMs: number, missedMax: number, dead: () => void) {
    let bytesRead = socket.bytesRead;
    let silent = 0;
    this.#timer = setInterval(() => {
      silent = socket.bytesRead === bytesRead && !ws.isPaused ? silent + 1 : 0;
      bytesRead = socket.bytesRead;
      if (silent >= missedMax) {
        this.stop();
        dead();
      } else {
        ws.ping();
      }
    }, intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
