/**
 * A QoS 1 load generator on raw sockets, run as a process of its own so that it shares no event loop with what it
 * measures: `node mqtt-generator.ts '{"port":1883,"connections":20,"window":100,"payloadBytes":100,"messages":500000}'`.
 * Prints one JSON line, a GeneratorResult.
 */
import { connect as tcpConnect } from 'node:net';
import { CONNACK_BYTES, connect, PUBACK_BYTES, publish } from '../../harness/mqtt-packets.ts';
import { readings } from './payloads.ts';

export interface GeneratorOptions {
  port: number;
  connections: number;
  /** Messages in flight per connection. */
  window: number;
  payloadBytes: number;
  /** In all; or `seconds`. */
  messages?: number;
  /** How long messages are sent; `rate` and times are those of its last `countedSeconds`. */
  seconds?: number;
  countedSeconds?: number;
  /** Messages a second of all connections, evenly spread; undefined: as fast as the window allows. */
  perSecond?: number;
}

export interface GeneratorResult {
  /** Acknowledged in all. */
  messages: number;
  /** Acknowledged a second. */
  rate: number;
  /** Times from write to PUBACK in ms. */
  p50: number;
  p99: number;
  max: number;
}

const BUCKETS_PER_MS = 20;
const MESSAGE_IDS = 65_535;
const DISTINCT_PAYLOADS = 1_000;

class Latencies {
  readonly #buckets = new Uint32Array(60_000 * BUCKETS_PER_MS);
  count = 0;
  max = 0;

  /** Forgets all. */
  clear(): void {
    this.#buckets.fill(0);
    this.count = 0;
    this.max = 0;
  }

  add(ms: number): void {
    this.#buckets[Math.min(this.#buckets.length - 1, Math.floor(ms * BUCKETS_PER_MS))]!++;
    this.count++;
    if (ms > this.max) this.max = ms;
  }

  quantile(q: number): number {
    let left = this.count * q;
    const index = this.#buckets.findIndex((n) => {
      left -= n;
      return left <= 0;
    });
    return (index + 1) / BUCKETS_PER_MS;
  }
}

/** Resolves with the number of messages, all of them acknowledged. Nothing more is sent once `end` says so. */
function runConnection(
  options: GeneratorOptions,
  index: number,
  most: number,
  latencies: Latencies,
  end: AbortSignal,
): Promise<number> {
  const payloads = readings(DISTINCT_PAYLOADS, options.payloadBytes);
  const packet = publish(`bench/device-${index}`, payloads[0]!, 1, 1);
  const idAt = packet.length - options.payloadBytes - 2;
  const head = packet.subarray(0, idAt);
  const sentAt = new Float64Array(MESSAGE_IDS + 1);
  const intervalMs = options.perSecond === undefined ? 0 : (1000 * options.connections) / options.perSecond;
  return new Promise((done, fail) => {
    const socket = tcpConnect({ port: options.port, host: '127.0.0.1', noDelay: true });
    let sent = 0;
    let acked = 0;
    let connected = false;
    let rest: Buffer = Buffer.alloc(0);
    let dueAt = 0;
    let total = most;
    end.addEventListener('abort', () => {
      total = sent;
      if (acked === total) socket.destroy();
    });
    const send = (count: number): void => {
      const packets = Buffer.allocUnsafe(count * packet.length);
      const now = performance.now();
      for (let i = 0; i < count; i++) {
        const id = (sent % MESSAGE_IDS) + 1;
        const at = i * packet.length;
        head.copy(packets, at);
        packets.writeUInt16BE(id, at + idAt);
        payloads[sent % DISTINCT_PAYLOADS]!.copy(packets, at + idAt + 2);
        sentAt[id] = now;
        sent++;
      }
      socket.write(packets);
    };
    const fill = (): void => {
      const room = Math.min(options.window - (sent - acked), total - sent);
      if (room > 0) send(room);
    };
    const pace = (): void => {
      if (socket.destroyed || sent === total) return;
      const now = performance.now();
      let count = 0;
      for (; dueAt <= now && sent + count < total; dueAt += intervalMs) count++;
      if (count > 0) send(count);
      setTimeout(pace, Math.max(0, dueAt - performance.now()));
    };
    const begin = (): void => {
      if (intervalMs === 0) fill();
      else {
        dueAt = performance.now() + (index / options.connections) * intervalMs;
        pace();
      }
    };
    socket.on('connect', () => socket.write(connect(`bench-${index}`)));
    socket.on('data', (chunk) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      const isFirst = !connected;
      if (isFirst) {
        if (bytes.length < CONNACK_BYTES) {
          rest = bytes;
          return;
        }
        connected = true;
        at = CONNACK_BYTES;
      }
      const now = performance.now();
      for (; at + PUBACK_BYTES <= bytes.length; at += PUBACK_BYTES) {
        latencies.add(now - sentAt[bytes.readUInt16BE(at + 2)]!);
        acked++;
      }
      rest = bytes.subarray(at);
      if (acked === total) socket.destroy();
      else if (isFirst) begin();
      else if (intervalMs === 0) fill();
    });
    socket.on('error', fail);
    socket.on('close', () =>
      acked === total ? done(acked) : fail(new Error(`connection ${index} closed after ${acked}`)),
    );
  });
}

const options = JSON.parse(process.argv[2]!) as GeneratorOptions;
const { connections, messages = Infinity, seconds, countedSeconds = seconds } = options;
const latencies = new Latencies();
const end = new AbortController();
let from = performance.now();
let until: number | undefined;
let counted: number | undefined;
if (seconds !== undefined) {
  setTimeout(
    () => {
      latencies.clear();
      from = performance.now();
    },
    (seconds - countedSeconds!) * 1000,
  );
  setTimeout(() => {
    until = performance.now();
    counted = latencies.count;
    end.abort();
  }, seconds * 1000);
}
const perConnection = Math.floor(messages / connections);
const sent = await Promise.all(
  Array.from({ length: connections }, (_, i) =>
    runConnection(options, i, perConnection, latencies, end.signal),
  ),
);
const result: GeneratorResult = {
  messages: sent.reduce((sum, n) => sum + n, 0),
  rate: ((counted ?? latencies.count) / ((until ?? performance.now()) - from)) * 1000,
  p50: latencies.quantile(0.5),
  p99: latencies.quantile(0.99),
  max: latencies.max,
};
console.log(JSON.stringify(result));
