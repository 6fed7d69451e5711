import { assert } from '@edgelog/base';
import type { LineIo, LineProtocol, LineSettings } from '../../profiles/decoder.ts';
import { characterMs } from '../character-time.ts';
import { parseDataLines } from '../obis/data-lines.ts';
import { findDataSet, type ObisEntry, obisValue } from '../obis/obis-value.ts';
import { type PolledDevice, PollSchedule } from '../poll-schedule.ts';
import { ReadingMaker, type Value } from '../reading.ts';
import { acknowledgement, findBlock, findIdentification, request, type Speed } from './messages.ts';

export interface Iec62056Options {
  profile: string;
  /** What a sign-on begins with: 300 baud, 7E1 in the standard. */
  line: LineSettings;
  values: readonly ObisEntry[];
  devices: readonly PolledDevice[];
  everyMs: number;
  /** Longest silence between two characters, and before an answer begins: 1.5 s and 2.2 s in the standard. */
  timeoutMs: number;
  retries: number;
  /** The speed is not raised above this, whatever the meter offers. */
  maxBaud: number;
}

/** A meter waits at least 200 ms before it answers, and so must the reader [IEC 62056-21, 6.5.5]; old meters want 300. */
const REACTION_MS = 300;
const RECEIVED_BYTES_MAX = 65_536;

/**
 * Meter with an optical or current loop port, read out in mode C, B or A [IEC 62056-21, 6.3 and 6.4]: sign-on at 300 baud,
 * identification, in mode C the acknowledgement that chooses the speed, then the data block with its check character. One
 * reading per read-out; a block whose check character (BCC) is wrong is dropped and asked for again. The identification is not
 * part of the reading, as nothing checks it: the meter's number is in the block (0.0.0).
 */
export class Iec62056Meter implements LineProtocol {
  readonly line: LineSettings;
  readonly #options: Iec62056Options;
  readonly #readings: ReadingMaker;
  readonly #units: ReadonlyMap<string, string>;
  #io: LineIo | undefined;
  #schedule: PollSchedule | undefined;
  #cancel: () => void = () => {};
  #device: PolledDevice | undefined;
  #attempt = 0;
  #state: 'idle' | 'identification' | 'switching' | 'data' = 'idle';
  #received: Buffer = Buffer.alloc(0);
  #speed: Speed | undefined;

  constructor(options: Iec62056Options) {
    this.#options = options;
    this.line = options.line;
    this.#readings = new ReadingMaker(options.profile);
    this.#units = new Map(options.values.map(({ name, unit }) => [name, unit]));
  }

  start(io: LineIo): void {
    this.stop();
    this.#io = io;
    this.#schedule = new PollSchedule(this.#options.devices, this.#options.everyMs, io.timers.now());
    this.#next();
  }

  stop(): void {
    this.#cancel();
    this.#state = 'idle';
    this.#io = undefined;
  }

  bytes(chunk: Buffer): void {
    if (this.#state !== 'identification' && this.#state !== 'data') return;
    this.#received = Buffer.concat([this.#received, Buffer.from(chunk.map((byte) => byte & 0x7f))]);
    // Silence ends what has no end; where there is none, the size does.
    if (this.#received.length > RECEIVED_BYTES_MAX) this.#failed('framing', 'an answer without an end');
    else if (this.#state === 'identification') this.#identify();
    else this.#readBlock();
  }

  #after(ms: number, run: () => void): void {
    this.#cancel();
    this.#cancel = this.#io!.timers.after(ms, run);
  }

  #next(): void {
    const { device, dueAtMs } = this.#schedule!.next();
    this.#state = 'idle';
    this.#attempt = 0;
    this.#after(Math.max(REACTION_MS, dueAtMs - this.#io!.timers.now()), () => this.#signOn(device));
  }

  #signOn(device: PolledDevice): void {
    const io = this.#io!;
    this.#device = device;
    this.#state = 'identification';
    this.#received = Buffer.alloc(0);
    const message = request(device.address);
    io.write(message);
    this.#watch(message.length * characterMs(this.line));
  }

  /** Waits for the next character. */
  #watch(extraMs = 0): void {
    this.#after(this.#options.timeoutMs + Math.ceil(extraMs), () => this.#silent());
  }

  #identify(): void {
    const found = findIdentification(this.#received, request(this.#device!.address), this.#options.maxBaud);
    if (found === undefined) {
      this.#watch();
      return;
    }
    this.#received = Buffer.alloc(0);
    this.#speed = found;
    if (found.mode === 'A') {
      this.#state = 'data';
      this.#watch();
      return;
    }
    this.#state = 'switching';
    if (found.mode === 'B') {
      this.#switch();
      return;
    }
    this.#after(REACTION_MS, () => {
      this.#io!.write(acknowledgement(found));
      this.#switch();
    });
  }

  #switch(): void {
    const { baudRate } = this.#speed!;
    if (baudRate !== this.line.baudRate) this.#io!.setLine({ ...this.line, baudRate });
    this.#state = 'data';
    this.#watch(6 * characterMs(this.line));
  }

  #readBlock(): void {
    const block = findBlock(this.#received);
    if (block.kind === 'incomplete') {
      this.#watch();
      return;
    }
    if (block.kind === 'bad') {
      this.#failed('checksum', 'a data block with a wrong check character');
      return;
    }
    const sets = parseDataLines(block.lines);
    if (sets === undefined) {
      this.#failed('content', 'a data block with lines that are no data');
      return;
    }
    const values = new Map<string, Value>();
    const meter = this.#speed!.identification;
    for (const entry of this.#options.values) {
      const set = findDataSet(entry, sets);
      const { value, problem } = set === undefined ? {} : obisValue(entry, set);
      if (problem !== undefined) this.#io!.fault('content', `${meter}: ${problem}`);
      if (value !== undefined) values.set(entry.name, value);
    }
    const device = this.#device;
    assert(device !== undefined, 'a block comes from a meter that was asked');
    if (values.size > 0) this.#io!.emit(this.#readings.make(device.name, values, this.#units));
    else this.#io!.fault('content', `${meter}: a read-out without any value of the profile`);
    this.#resetLine();
    this.#schedule!.answered(device, this.#io!.timers.now());
    this.#next();
  }

  #silent(): void {
    if (this.#received.length > 0)
      this.#failed('framing', `${this.#received.length} bytes that are no answer`);
    else this.#failed(undefined, '');
  }

  #failed(kind: 'checksum' | 'framing' | 'content' | undefined, detail: string): void {
    const io = this.#io!;
    const device = this.#device!;
    const name = device.address === '' ? 'the meter' : `meter ${device.address}`;
    if (kind !== undefined) io.fault(kind, `${name}: ${detail}`);
    this.#resetLine();
    this.#state = 'idle';
    this.#attempt += 1;
    // A meter that was interrupted listens for a sign-on again only once it has been idle for a while.
    if (this.#attempt <= this.#options.retries) {
      this.#after(this.#options.timeoutMs, () => this.#signOn(device));
      return;
    }
    io.fault('timeout', `${name} does not answer`);
    this.#schedule!.failed(device, io.timers.now());
    this.#next();
  }

  #resetLine(): void {
    if (this.#speed !== undefined && this.#speed.baudRate !== this.line.baudRate)
      this.#io!.setLine(this.line);
    this.#speed = undefined;
  }
}
