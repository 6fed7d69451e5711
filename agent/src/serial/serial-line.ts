import { backoffMs, EdgelogError } from '@edgelog/base';
import type { DeviceReading, LineIo, LineProtocol } from '@edgelog/devices/profiles/decoder.ts';
import { type Alarms, type Pressure, sourceHeaders } from '@edgelog/edge';
import type { Logger, Metrics } from '@edgelog/runtime';
import type { Ingest } from '../ingest/index.ts';
import { LogLimiter } from '../log-limiter.ts';
import { lineErrors } from './line-errors.ts';
import { lineTimers } from './line-timers.ts';
import { protocolOf } from './protocol.ts';
import { type SerialCounters, serialCounters } from './serial-counters.ts';
import type { SerialSetting } from './setting.ts';
import { deviceIdentity, Tty, type TtySettings } from './tty.ts';
import { UnreadBytes } from './unread-bytes.ts';

/** What all lines of an agent share. */
export interface SerialDeps {
  gateway: string;
  maxFrameBytes: number;
  ingest: Ingest;
  pressure: Pressure;
  alarms: Alarms;
  metrics: Metrics;
  log: Logger;
}

const BACKOFF = { minMs: 250, maxMs: 10_000 };

export type SerialState = 'opening' | 'open' | 'waiting' | 'stopped';
export type SerialStatus = ReturnType<SerialLine['status']>;

/**
 * One serial line: opened again for ever when it is missing, unplugged or silent. Between the port and the log stands a
 * protocol, which begins anew with each opening.
 */
export class SerialLine {
  readonly #setting: SerialSetting;
  readonly #path: string;
  readonly #name: string;
  readonly #deps: SerialDeps;
  readonly #settings: TtySettings;
  readonly #limiter: LogLimiter;
  readonly #headers;
  readonly #counters: SerialCounters;
  readonly #protocol: LineProtocol;
  readonly #unread = new UnreadBytes();
  #tty: Tty | undefined;
  #state: SerialState = 'waiting';
  #lastError: string | null = null;
  #lastDataAt: string | null = null;
  /** Openings that brought no byte since the last that did. */
  #attempts = 0;
  /** The device that the last opening met. */
  #identity: string | undefined;
  #retry: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #opening: Promise<void> = Promise.resolve();

  constructor(setting: SerialSetting, path: string, name: string, deps: SerialDeps) {
    this.#setting = setting;
    this.#path = path;
    this.#name = name;
    this.#deps = deps;
    this.#limiter = new LogLimiter(deps.log);
    this.#headers = sourceHeaders(deps.gateway, `serial:${name}`);
    this.#counters = serialCounters(deps.metrics, name);
    this.#protocol = protocolOf(setting, deps.maxFrameBytes, (bytes) => this.#overlong(bytes));
    const { line } = this.#protocol;
    this.#settings = {
      baudRate: setting.baudRate ?? line.baudRate,
      dataBits: setting.dataBits ?? line.dataBits,
      parity: setting.parity ?? line.parity,
      stopBits: setting.stopBits ?? line.stopBits,
      flow: setting.flow,
    };
    this.#open();
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get name(): string {
    return this.#name;
  }

  status() {
    const { bytes, frames, overlong, refused, opened, silences, faults } = this.#counters;
    return {
      path: this.#path,
      name: this.#name,
      ...this.#settings,
      state: this.#state,
      bytes: bytes.value,
      frames: frames.value,
      overlong: overlong.value,
      refused: refused.value,
      opened: opened.value,
      silences: silences.value,
      faults: Object.fromEntries(Object.entries(faults).map(([kind, { value }]) => [kind, value])),
      /** Of the hardware, where the kernel's driver counts and the agent may read it. */
      lineErrors: lineErrors(this.#path),
      lastDataAt: this.#lastDataAt,
      lastError: this.#lastError,
    };
  }

  /** Devices may have come or gone; called every second besides. */
  check(): void {
    if (this.#unread.isTooMany(performance.now())) this.#tellUnreadable();
    if (this.#state !== 'open' && this.#state !== 'waiting') return;
    const identity = deviceIdentity(this.#path);
    if (identity === this.#identity) return;
    if (this.#state === 'open') this.#lost('unplugged');
    else if (identity !== undefined) this.#open();
  }

  relieve(): void {
    this.#tty?.resume();
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#endConversation();
    clearTimeout(this.#retry);
    await this.#opening;
    await this.#tty?.close();
  }

  #open(): void {
    clearTimeout(this.#retry);
    this.#state = 'opening';
    this.#identity = deviceIdentity(this.#path);
    this.#opening = this.#tryOpen();
  }

  async #tryOpen(): Promise<void> {
    let lost: string | undefined;
    try {
      const tty = await Tty.open(this.#path, this.#settings, {
        data: (chunk) => this.#data(chunk),
        lost: (reason) => {
          if (this.#state === 'opening') lost = reason;
          else this.#lost(reason);
        },
      });
      if (this.#state === 'stopped') return await tty.close();
      this.#tty = tty;
    } catch (error) {
      lost = (error as Error).message;
    }
    if (this.#state === 'stopped') return;
    if (lost !== undefined) return this.#lost(lost);
    this.#state = 'open';
    this.#lastError = null;
    this.#counters.opened.inc();
    this.#deps.alarms.clear(this.#alarm('lost'));
    this.#deps.log.info('serial line open', { port: this.#path, name: this.#name, ...this.#settings });
    this.#protocol.start(this.#io());
    this.#armWatchdog();
  }

  #io(): LineIo {
    const tty = this.#tty!;
    return {
      write: (bytes) => tty.write(bytes),
      emit: (reading) => this.#take(reading),
      leftOut: () => this.#understood(),
      fault: (kind, detail) => {
        this.#counters.faults[kind].inc();
        this.#limiter.warn('serial line fault', { port: this.#path, kind, detail });
      },
      setLine: (settings) => void tty.setLine(settings),
      timers: lineTimers(() => {
        tty.readWaiting();
        return tty === this.#tty;
      }),
    };
  }

  #data(chunk: Buffer): void {
    if (this.#state !== 'open') return;
    this.#counters.bytes.inc(chunk.length);
    this.#lastDataAt = new Date().toISOString();
    this.#attempts = 0;
    this.#deps.alarms.clear(this.#alarm('silent'));
    this.#armWatchdog();
    const now = performance.now();
    this.#unread.came(chunk.length, now);
    this.#protocol.bytes(chunk, now);
    if (this.#deps.pressure.isHigh) this.#tty?.pause();
  }

  #armWatchdog(): void {
    const { silenceMs } = this.#setting;
    if (silenceMs === 0) return;
    if (this.#watchdog !== undefined) {
      this.#watchdog.refresh();
      return;
    }
    this.#watchdog = setTimeout(() => {
      const before = this.#counters.bytes.value;
      this.#tty?.readWaiting();
      if (this.#counters.bytes.value !== before || this.#state !== 'open') return;
      // The disk does not follow, so nothing is read: that is no silence of the line.
      if (this.#tty?.isPaused === true) {
        this.#watchdog?.refresh();
        return;
      }
      this.#counters.silences.inc();
      this.#lost(`it brought nothing for ${silenceMs / 1000} s, though it is open`, 'silent');
    }, silenceMs);
  }

  #lost(reason: string, kind: 'lost' | 'silent' = 'lost'): void {
    const { log, alarms } = this.#deps;
    const isNews = this.#lastError !== reason;
    this.#state = 'waiting';
    this.#lastError = reason;
    this.#endConversation();
    this.#understood();
    const tty = this.#tty;
    this.#tty = undefined;
    const closed = tty?.close();
    if (isNews) log.warn('serial line lost, trying again', { port: this.#path, reason });
    alarms.raise(this.#alarm(kind), `the serial line ${this.#path} gives no data: ${reason}`);
    // A silence was a wait by itself; an instrument that is slower than `silenceMs` would lose what it says to a closed port.
    const wait = kind === 'silent' ? BACKOFF.minMs : backoffMs(this.#attempts, BACKOFF, Math.random());
    if (kind === 'lost') this.#attempts += 1;
    this.#retry = setTimeout(async () => {
      // The old descriptor holds the lock of the port.
      await closed;
      if (this.#state === 'waiting') this.#open();
    }, wait);
  }

  #endConversation(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = undefined;
    this.#protocol.stop();
  }

  #tellUnreadable(): void {
    const { baudRate, dataBits, parity, stopBits } = this.#settings;
    const set = `${baudRate} ${dataBits}${parity[0]!.toUpperCase()}${stopBits}`;
    this.#deps.alarms.raise(
      this.#alarm('unreadable'),
      `${this.#path} has brought bytes for a minute and no reading: are speed and parity (${set}), framing or profile others?`,
    );
  }

  #understood(): void {
    this.#unread.reset();
    this.#deps.alarms.clear(this.#alarm('unreadable'));
  }

  #overlong(bytes: number): void {
    this.#counters.overlong.inc();
    this.#limiter.warn('serial frame over the limit dropped', { port: this.#path, bytes });
  }

  #take({ device, value, headers }: DeviceReading): void {
    this.#understood();
    const name = device === '' ? this.#name : `${this.#name}/${device}`;
    const properties = headers.map(([key, value]) => ({ key, value }));
    try {
      const { durable } = this.#deps.ingest.take({
        kind: 'serial',
        name,
        value,
        headers: this.#headers,
        ...(properties.length > 0 ? { properties } : {}),
      });
      // A store that fails ends the process; nobody waits for this reading.
      durable.catch(() => {});
      this.#counters.frames.inc();
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      this.#counters.refused.inc();
      this.#deps.alarms.raise(
        `dropped serial ${this.#name}`,
        `readings of ${this.#path} are lost since then, as the log did not take them and a serial line cannot repeat them; /status counts them as refused`,
        'events',
      );
      this.#limiter.warn('serial frame refused', {
        port: this.#path,
        bytes: value.length,
        reason: error.message,
      });
    }
  }

  #alarm(kind: 'lost' | 'silent' | 'unreadable'): string {
    return `serial ${kind} ${this.#name}`;
  }
}
