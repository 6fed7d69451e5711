import { assert } from '@edgelog/base';
import type { LineIo, LineProtocol, LineSettings } from '../../profiles/decoder.ts';
import { characterMs } from '../character-time.ts';
import { type PolledDevice, PollSchedule } from '../poll-schedule.ts';
import { ReadingMaker, type Value } from '../reading.ts';
import {
  answerBytes,
  encodeRequest,
  exceptionText,
  findAnswer,
  isRangeRefused,
  type ReadRequest,
} from './frame.ts';
import { LateAnswers } from './late-answers.ts';
import { type Block, type PlanLimits, planBlocks, registerBytes, splitBlock } from './plan.ts';
import { type Register, registerValue } from './register.ts';

export interface ModbusOptions extends PlanLimits {
  profile: string;
  line: LineSettings;
  registers: readonly Register[];
  devices: readonly PolledDevice[];
  everyMs: number;
  /** From the end of a request to the end of its answer, besides the time the characters take. */
  timeoutMs: number;
  /** Requests after the first that got no good answer. */
  retries: number;
}

interface Poll {
  readonly device: PolledDevice;
  readonly blocks: Block[];
  readonly values: Map<string, Value>;
  attempt: number;
}

interface Request {
  readonly request: ReadRequest;
  readonly frame: Buffer;
  readonly sentMs: number;
}

/** A frame begins and ends with this many characters of silence [Modbus over Serial Line V1.02, 2.5.1.1]; above 19,200 bit/s it is 1.75 ms. */
const SILENT_CHARACTERS = 3.5;
const SILENCE_MIN_MS = 1.75;
/** Room for an answer of 256 bytes, an echo of the request, and noise; a line that babbles this much in between is not waited for. */
const RECEIVED_BYTES_MAX = 1_024;

/**
 * Modbus RTU master [Modbus over Serial Line V1.02]. Polls each slave for its register map in few requests, and emits one
 * reading per slave and poll, once all answers are there: a slave that falls silent in the middle gives no reading. What a
 * slave refuses (exception) is left out of its readings. A range that is refused for its address or length is cut in two
 * and tried again, since an instrument may not have the registers in between, or not send so many.
 */
export class ModbusMaster implements LineProtocol {
  readonly line: LineSettings;
  readonly #options: ModbusOptions;
  readonly #readings: ReadingMaker;
  readonly #units: ReadonlyMap<string, string>;
  readonly #silenceMs: number;
  readonly #blocks = new Map<PolledDevice, Block[]>();
  #io: LineIo | undefined;
  #schedule: PollSchedule | undefined;
  #cancel: () => void = () => {};
  #poll: Poll | undefined;
  #request: Request | undefined;
  readonly #late: LateAnswers;
  /** Answered already; the answers to its repetitions are waited for. */
  #repeated: ReadRequest | undefined;
  #received: Buffer = Buffer.alloc(0);
  #strayBytes = 0;
  #quietFromMs = 0;

  constructor(options: ModbusOptions) {
    this.#options = options;
    this.line = options.line;
    this.#readings = new ReadingMaker(options.profile);
    this.#units = new Map(options.registers.map(({ name, unit }) => [name, unit]));
    this.#late = new LateAnswers(options.timeoutMs, options.retries);
    this.#silenceMs = Math.max(SILENCE_MIN_MS, characterMs(options.line) * SILENT_CHARACTERS);
  }

  start(io: LineIo): void {
    this.stop();
    this.#io = io;
    const { devices, everyMs, registers } = this.#options;
    this.#schedule = new PollSchedule(devices, everyMs, io.timers.now());
    for (const device of devices) this.#blocks.set(device, planBlocks(registers, this.#options));
    this.#late.reset();
    this.#strayBytes = 0;
    this.#quietFromMs = io.timers.now() + this.#silenceMs;
    this.#next();
  }

  bytes(chunk: Buffer, nowMs: number): void {
    this.#quietFromMs = Math.max(this.#quietFromMs, nowMs + this.#silenceMs);
    if (this.#request !== undefined) this.#receive(chunk, this.#request);
    else if (this.#repeated !== undefined) this.#answeredAgain(chunk, this.#repeated);
    else {
      this.#strayBytes += chunk.length;
      this.#late.stray(nowMs);
    }
  }

  #receive(chunk: Buffer, { request, frame }: Request): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    const echoed = this.#received.subarray(0, frame.length).equals(frame) ? frame.length : 0;
    const answer = findAnswer(this.#received.subarray(echoed), request);
    if (answer.kind === 'data') this.#answered(answer.data, answer.skipped);
    else if (answer.kind === 'exception') this.#refused(answer.code, answer.skipped);
    else if (this.#received.length > RECEIVED_BYTES_MAX) {
      this.#cancel();
      this.#unanswered();
    }
  }

  stop(): void {
    this.#cancel();
    this.#io = undefined;
    this.#poll = undefined;
    this.#request = undefined;
    this.#repeated = undefined;
  }

  #after(ms: number, run: () => void): void {
    this.#cancel();
    this.#cancel = this.#io!.timers.after(ms, run);
  }

  /** Waits for the next slave's turn. */
  #next(): void {
    const { device, dueAtMs } = this.#schedule!.next();
    this.#poll = undefined;
    this.#after(Math.max(0, dueAtMs - this.#io!.timers.now()), () => {
      this.#poll = { device, blocks: [...this.#blocks.get(device)!], values: new Map(), attempt: 0 };
      this.#ask();
    });
  }

  /** Sends the next request of the poll once the line is silent. */
  #ask(): void {
    const io = this.#io!;
    const poll = this.#poll!;
    const block = poll.blocks[0];
    if (block === undefined) {
      this.#complete(poll);
      return;
    }
    const now = io.timers.now();
    const isBabble = this.#strayBytes > RECEIVED_BYTES_MAX;
    if (now < this.#quietFromMs && !isBabble) {
      this.#after(Math.ceil(this.#quietFromMs - now), () => this.#ask());
      return;
    }
    if (this.#strayBytes > 0) io.fault('framing', `${this.#strayBytes} bytes that nobody asked for`);
    this.#strayBytes = 0;
    const request: ReadRequest = { slave: Number(poll.device.address), ...block };
    const frame = encodeRequest(request);
    this.#request = { request, frame, sentMs: now };
    this.#received = Buffer.alloc(0);
    io.write(frame);
    const characters = frame.length + answerBytes(request) + 5;
    this.#after(this.#options.timeoutMs + Math.ceil(characters * characterMs(this.line)), () =>
      this.#unanswered(),
    );
  }

  #answered(data: Buffer, skipped: number): void {
    const poll = this.#poll!;
    const block = poll.blocks.shift();
    assert(block !== undefined, 'an answer belongs to a block that was asked for');
    for (const register of block.registers) {
      const value = registerValue(register, registerBytes(block, register, data));
      if (value !== undefined) poll.values.set(register.name, value);
    }
    this.#goOn(skipped);
  }

  #refused(code: number, skipped: number): void {
    const poll = this.#poll!;
    const block = poll.blocks.shift();
    assert(block !== undefined, 'an exception belongs to a block that was asked for');
    const blocks = this.#blocks.get(poll.device)!;
    const halves = isRangeRefused(code) ? splitBlock(block) : undefined;
    if (halves !== undefined) {
      poll.blocks.unshift(...halves);
      blocks.splice(blocks.indexOf(block), 1, ...halves);
    } else {
      const names = block.registers.map(({ name }) => name).join(', ');
      this.#io!.fault('refused', `slave ${poll.device.address}: ${exceptionText(code)} for ${names}`);
    }
    this.#goOn(skipped);
  }

  /** After an answer: with the next request, once those to earlier ones cannot come any more and be taken for its own. */
  #goOn(skipped: number): void {
    const poll = this.#poll!;
    const io = this.#io!;
    const { request } = this.#request!;
    if (skipped > 0)
      io.fault('framing', `slave ${poll.device.address}: ${skipped} bytes of noise before an answer`);
    poll.attempt = 0;
    this.#request = undefined;
    this.#received = Buffer.alloc(0);
    this.#awaitLate(poll.device, request);
  }

  #awaitLate(device: PolledDevice, request: ReadRequest): void {
    const waitMs = this.#late.waitMs(device, this.#io!.timers.now());
    this.#repeated = waitMs > 0 ? request : undefined;
    if (waitMs === 0) {
      this.#ask();
      return;
    }
    this.#after(waitMs, () => {
      this.#late.forget(device);
      this.#repeated = undefined;
      this.#ask();
    });
  }

  #answeredAgain(chunk: Buffer, request: ReadRequest): void {
    const { device } = this.#poll!;
    this.#received = Buffer.concat([this.#received, chunk]).subarray(-RECEIVED_BYTES_MAX);
    const { kind } = findAnswer(this.#received, request);
    if (kind !== 'data' && kind !== 'exception') return;
    this.#received = Buffer.alloc(0);
    const { timeoutMs } = this.#options;
    this.#io!.fault(
      'timeout',
      `slave ${device.address} answers later than the ${timeoutMs} ms of its profile`,
    );
    this.#late.came(device, this.#io!.timers.now());
    this.#awaitLate(device, request);
  }

  #unanswered(): void {
    const poll = this.#poll!;
    const io = this.#io!;
    const { request, sentMs } = this.#request!;
    const slave = `slave ${poll.device.address}`;
    if (findAnswer(this.#received, request).kind === 'damaged') {
      io.fault('checksum', `${slave}: an answer with a wrong CRC`);
    } else {
      if (this.#received.length > 0)
        io.fault('framing', `${slave}: ${this.#received.length} bytes that are no answer`);
      this.#late.expect(poll.device, sentMs, io.timers.now());
    }
    this.#request = undefined;
    poll.attempt += 1;
    if (poll.attempt <= this.#options.retries) {
      this.#ask();
      return;
    }
    io.fault('timeout', `${slave} does not answer`);
    this.#schedule!.failed(poll.device, io.timers.now());
    this.#next();
  }

  #complete({ device, values }: Poll): void {
    const io = this.#io!;
    const ordered = new Map(
      this.#options.registers.flatMap(({ name }) => {
        const value = values.get(name);
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
    if (ordered.size > 0) io.emit(this.#readings.make(device.name, ordered, this.#units));
    this.#schedule!.answered(device, io.timers.now());
    this.#next();
  }
}
