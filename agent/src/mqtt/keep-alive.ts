import type { MqttConnection } from './connection.ts';
import { MqttFault, Reason } from './protocol.ts';

/** A tick of the event loop's own time: while the process hangs no client grows silent. */
const TICK_MS = 1000;
const GRACE = 1.5;

/** Seconds of CONNECT's keep-alive as ticks of silence that end the connection [MQTT-3.1.2-24]; 0: never. */
export function keepAliveTicks(seconds: number): number {
  return seconds === 0 ? 0 : Math.ceil((seconds * 1000 * GRACE) / TICK_MS) + 1;
}

/**
 * Ends connections whose client said nothing for one and a half of its keep-alive periods. One clock for all: what is
 * read costs no timer, and a client that is held up by the gateway is not taken for silent. Returns what stops it.
 */
export function watchKeepAlive(connections: () => Iterable<MqttConnection>): () => void {
  const timer = setInterval(() => {
    for (const connection of connections()) {
      if (connection.keepAliveTicks === 0) continue;
      if (connection.isHeldUp) connection.silentTicks = 0;
      else if (++connection.silentTicks > connection.keepAliveTicks) {
        connection.fail(new MqttFault(Reason.KEEP_ALIVE_TIMEOUT, 'keep alive timeout'));
      }
    }
  }, TICK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
