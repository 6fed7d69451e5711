import { assert } from '@edgelog/base';
import type { LineIo, LineProtocol, LineSettings } from '../../profiles/decoder.ts';
import { characterMs } from '../character-time.ts';
import { type PolledDevice, PollSchedule } from '../poll-schedule.ts';
import { ReadingMaker } from '../reading.ts';
import { FRAME_COUNT_BIT, findFrame, REQ_UD2, SELECTED, SND_NKE, selection, shortFrame } from './frame.ts';
import { type MbusEntry, mbusReading } from './mbus-reading.ts';
import type { MbusRecord } from './records.ts';
import { RecordError } from './records.ts';
import { type MbusTelegram, parseTelegram } from './telegram.ts';

export interface MbusOptions {
  profile: string;
  line: LineSettings;
  /** Empty: all records, by their own names. */
  values: readonly MbusEntry[];
  /** Address 0 … 250, or an identification number of eight digits. */
  devices: readonly PolledDevice[];
  everyMs: number;
  /** Until an answer begins, and between its characters. */
  timeoutMs: number;
  retries: number;
}

type Step = 'reset' | 'select' | 'read';

/** Header and 14 further telegrams are more than any meter sends. */
const TELEGRAMS_MAX = 15;
const RECEIVED_BYTES_MAX = 2_048;
/** Silence before a request, so that what is left of an answer is not taken for the next [EN 13757-2, 5.5.2: 33 bit times]. */
const SILENT_CHARACTERS = 3;

/**
 * Master of a wired M-Bus [EN 13757-2, EN 13757-3]: wakes each meter (SND_NKE), selects it where it is known by its
 * identification number, and reads it (REQ_UD2) up to its last telegram. One reading per meter and poll. What a checksum
 * shows to be damaged is asked for again with the same frame count bit, so that the meter sends the same telegram.
 */
export class MbusMaster implements LineProtocol {
  readonly line: LineSettings;
  readonly #options: MbusOptions;
  readonly #readings: ReadingMaker;
  #io: LineIo | undefined;
  #schedule: PollSchedule | undefined;
  #cancel: () => void = () => {};
  #device: PolledDevice | undefined;
  #step: Step | undefined;
  #attempt = 0;
  #frameCount = 0;
  #first: MbusTelegram | undefined;
  #records: MbusRecord[] = [];
  #telegrams = 0;
  #received: Buffer = Buffer.alloc(0);

  constructor(options: MbusOptions) {
    this.#options = options;
    this.line = options.line;
    this.#readings = new ReadingMaker(options.profile);
  }

  start(io: LineIo): void {
    this.stop();
    this.#io = io;
    this.#schedule = new PollSchedule(this.#options.devices, this.#options.everyMs, io.timers.now());
    this.#next();
  }

  stop(): void {
    this.#cancel();
    this.#io = undefined;
    this.#step = undefined;
  }

  bytes(chunk: Buffer): void {
    if (this.#step === undefined) return;
    this.#received = Buffer.concat([this.#received, chunk]);
    if (this.#received.length > RECEIVED_BYTES_MAX) {
      this.#unanswered();
      return;
    }
    const found = findFrame(this.#received, this.#step === 'read' ? 'long' : 'ack');
    if (found.kind === 'ack') this.#acknowledged();
    else if (found.kind === 'long') this.#answered(found.body);
    else this.#watch();
  }

  #after(ms: number, run: () => void): void {
    this.#cancel();
    this.#cancel = this.#io!.timers.after(Math.ceil(ms), run);
  }

  #next(): void {
    const { device, dueAtMs } = this.#schedule!.next();
    this.#step = undefined;
    this.#after(Math.max(0, dueAtMs - this.#io!.timers.now()), () => {
      this.#device = device;
      this.#first = undefined;
      this.#records = [];
      this.#telegrams = 0;
      this.#frameCount = FRAME_COUNT_BIT;
      this.#attempt = 0;
      this.#send('reset');
    });
  }

  get #isSecondary(): boolean {
    return this.#device!.address.length === 8;
  }

  /** The address on the bus. */
  get #address(): number {
    return this.#isSecondary ? SELECTED : Number(this.#device!.address);
  }

  #send(step: Step): void {
    this.#step = undefined;
    this.#after(SILENT_CHARACTERS * characterMs(this.line), () => {
      this.#step = step;
      this.#received = Buffer.alloc(0);
      const frame = this.#frame(step);
      this.#io!.write(frame);
      // Whoever was selected is not any more, and does not say so.
      if (step === 'reset' && this.#isSecondary)
        return this.#after(this.#options.timeoutMs, () => this.#send('select'));
      this.#watch(frame.length * characterMs(this.line));
    });
  }

  #frame(step: Step): Buffer {
    if (step === 'reset') return shortFrame(SND_NKE, this.#address);
    if (step === 'select') return selection(this.#device!.address);
    return shortFrame(REQ_UD2 | this.#frameCount, this.#address);
  }

  #watch(extraMs = 0): void {
    this.#after(this.#options.timeoutMs + extraMs, () => this.#unanswered());
  }

  #acknowledged(): void {
    this.#attempt = 0;
    this.#send('read');
  }

  #answered(body: Buffer): void {
    const io = this.#io!;
    const address = body[1]!;
    const name = this.#name;
    if (
      (body[0]! & 0xcf) !== 0x08 ||
      (!this.#isSecondary && address !== this.#address && this.#address < SELECTED)
    ) {
      this.#failed('framing', `an answer of address ${address}`);
      return;
    }
    let telegram: MbusTelegram;
    try {
      telegram = parseTelegram(body.subarray(2));
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      io.fault('content', `${name}: ${error.message}`);
      this.#giveUp();
      return;
    }
    this.#first ??= telegram;
    this.#records.push(...telegram.records);
    this.#telegrams += 1;
    this.#attempt = 0;
    if (this.#isSecondary && telegram.identification !== this.#device!.address) {
      io.fault('content', `${name}: answered by meter ${telegram.identification}`);
      this.#giveUp();
      return;
    }
    if (telegram.hasMore && this.#telegrams < TELEGRAMS_MAX) {
      this.#frameCount ^= FRAME_COUNT_BIT;
      this.#send('read');
      return;
    }
    this.#complete();
  }

  #complete(): void {
    const io = this.#io!;
    assert(this.#first !== undefined, 'a meter is complete once it has answered');
    const { values, units, missing } = mbusReading(this.#first, this.#records, this.#options.values);
    for (const name of missing) io.fault('content', `${this.#name}: no record ${name}`);
    io.emit(this.#readings.make(this.#device!.name, values, units));
    this.#schedule!.answered(this.#device!, io.timers.now());
    this.#next();
  }

  get #name(): string {
    return `meter ${this.#device!.address}`;
  }

  #unanswered(): void {
    const found = findFrame(this.#received, 'long');
    if (found.kind === 'damaged') this.#failed('checksum', 'an answer with a wrong checksum');
    else if (this.#received.length > 0)
      this.#failed('framing', `${this.#received.length} bytes that are no answer`);
    else this.#failed(undefined, '');
  }

  #failed(kind: 'checksum' | 'framing' | undefined, detail: string): void {
    const step = this.#step!;
    if (kind !== undefined) this.#io!.fault(kind, `${this.#name}: ${detail}`);
    this.#attempt += 1;
    if (this.#attempt <= this.#options.retries) {
      this.#send(step);
      return;
    }
    this.#io!.fault('timeout', `${this.#name} does not answer`);
    this.#giveUp();
  }

  #giveUp(): void {
    this.#schedule!.failed(this.#device!, this.#io!.timers.now());
    this.#next();
  }
}
