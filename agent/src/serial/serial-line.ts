import { EdgelogError } from '@edgelog/base';
import type { StreamSet } from '@edgelog/edge';
import { sourceHeaders } from '@edgelog/edge';
import type { Counter, Logger, Metrics } from '@edgelog/runtime';
import { SerialPort } from 'serialport';
import type { Ingest } from '../ingest/index.ts';
import { LogLimiter } from '../log-limiter.ts';
import { LineFramer } from './line-framer.ts';
import type { SerialSetting } from './setting.ts';

export interface SerialLineOptions extends SerialSetting {
  gateway: string;
  /** Where frames go. */
  ingest: Ingest;
  maxFrameBytes: number;
  streams: StreamSet;
  metrics: Metrics;
  log: Logger;
}

export interface SerialStatus {
  path: string;
  baudRate: number;
  state: 'opening' | 'open' | 'waiting' | 'stopped';
  frames: number;
  /** Frames longer than the limit, by the line's framing. */
  overlong: number;
  /** Frames the log did not take: disk full, store failed. */
  refused: number;
  lastError: string | undefined;
}

const BACKOFF_MIN_MS = 250;
const BACKOFF_MAX_MS = 10_000;

/** One serial line: opened again for ever when it is missing or unplugged. A frame is a line of text or bytes. */
export class SerialLine {
  readonly #options: SerialLineOptions;
  readonly #limiter: LogLimiter;
  readonly #framer: LineFramer;
  readonly #headers;
  readonly #frames: Counter;
  readonly #overlong: Counter;
  readonly #refused: Counter;
  #port: SerialPort | undefined;
  #state: SerialStatus['state'] = 'opening';
  #lastError: string | undefined;
  #backoffMs = BACKOFF_MIN_MS;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SerialLineOptions) {
    const { path, metrics, maxFrameBytes, gateway, streams } = options;
    this.#options = options;
    this.#limiter = new LogLimiter(options.log);
    this.#headers = sourceHeaders(gateway, `serial:${path}`);
    this.#frames = metrics.counter('edgelog_serial_frames_total', 'Frames taken from serial lines.', {
      path,
    });
    this.#overlong = metrics.counter(
      'edgelog_serial_overlong_total',
      'Serial frames over the limit, dropped.',
      { path },
    );
    this.#refused = metrics.counter('edgelog_serial_refused_total', 'Serial frames the log did not take.', {
      path,
    });
    this.#framer = new LineFramer(maxFrameBytes, {
      frame: (frame) => this.#take(frame),
      overlong: (bytes) => {
        this.#overlong.inc();
        this.#limiter.warn('serial frame over the limit dropped', { path, bytes, limit: maxFrameBytes });
      },
    });
    streams.pressure.onRelief(() => this.#port?.resume());
    this.#open();
  }

  status(): SerialStatus {
    const { path, baudRate } = this.#options;
    return {
      path,
      baudRate,
      state: this.#state,
      frames: this.#frames.value,
      overlong: this.#overlong.value,
      refused: this.#refused.value,
      lastError: this.#lastError,
    };
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    clearTimeout(this.#timer);
    const port = this.#port;
    if (port?.isOpen) await new Promise<void>((resolve) => port.close(() => resolve()));
  }

  #open(): void {
    const { path, baudRate, log } = this.#options;
    this.#state = 'opening';
    const port = new SerialPort({ path, baudRate, autoOpen: false });
    this.#port = port;
    port.on('data', (chunk: Buffer) => {
      this.#framer.push(chunk);
      if (this.#options.streams.pressure.isHigh) port.pause();
    });
    port.on('error', (error) => this.#lost(port, error.message));
    port.on('close', (error: Error | null) => this.#lost(port, error?.message ?? 'closed'));
    port.open((error) => {
      if (error) return this.#lost(port, error.message);
      this.#state = 'open';
      this.#lastError = undefined;
      this.#backoffMs = BACKOFF_MIN_MS;
      log.info('serial line open', { path, baudRate });
    });
  }

  #lost(port: SerialPort, reason: string): void {
    if (this.#state === 'stopped' || port !== this.#port) return;
    const { path, log } = this.#options;
    const isNews = this.#lastError !== reason;
    this.#port = undefined;
    this.#state = 'waiting';
    this.#lastError = reason;
    this.#framer.reset();
    if (port.isOpen) port.close(() => {});
    if (isNews) log.warn('serial line lost, trying again', { path, reason });
    this.#timer = setTimeout(() => this.#open(), this.#backoffMs);
    this.#backoffMs = Math.min(BACKOFF_MAX_MS, this.#backoffMs * 2);
  }

  #take(frame: Buffer): void {
    const { path, ingest } = this.#options;
    try {
      ingest.take({ kind: 'serial', name: path, value: frame, headers: this.#headers });
      this.#frames.inc();
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      this.#refused.inc();
      this.#limiter.warn('serial frame refused', { path, bytes: frame.length, reason: error.message });
    }
  }
}
