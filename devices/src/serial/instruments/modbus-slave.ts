import { hasGoodCrc, READ_FUNCTIONS, type RegisterTable, withCrc } from '../../protocols/modbus/frame.ts';
import type { Instrument, InstrumentIo } from '../instrument.ts';

export interface ModbusSlaveOptions {
  address: number;
  /** Two bytes of a register, or undefined for one that it does not have. Asked in order within a request. */
  register(table: RegisterTable, address: number): number | undefined;
  /** A request for these tables came and is about to be answered. */
  onRequest(): void;
}

const REQUEST_BYTES = 8;
const ILLEGAL_FUNCTION = 1;
const ILLEGAL_DATA_ADDRESS = 2;
/** What a slave takes to think. */
const ANSWER_MS = 5;

/** A Modbus RTU slave with registers to read [Modbus Application Protocol V1.1b3, 6.3 and 6.4]. */
export class ModbusSlave implements Instrument {
  readonly #options: ModbusSlaveOptions;
  #io: InstrumentIo | undefined;
  #received: Buffer = Buffer.alloc(0);

  constructor(options: ModbusSlaveOptions) {
    this.#options = options;
  }

  start(io: InstrumentIo): void {
    this.#io = io;
  }

  stop(): void {
    this.#io = undefined;
  }

  bytes(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= REQUEST_BYTES) {
      const frame = this.#received.subarray(0, REQUEST_BYTES);
      const isWhole = frame[0] === this.#options.address && hasGoodCrc(frame);
      this.#received = Buffer.from(this.#received.subarray(isWhole ? REQUEST_BYTES : 1));
      if (isWhole) this.#answer(frame);
    }
  }

  #answer(request: Buffer): void {
    const { address, register, onRequest } = this.#options;
    const code = request[1]!;
    const [start, count] = [request.readUInt16BE(2), request.readUInt16BE(4)];
    const table =
      code === READ_FUNCTIONS.input ? 'input' : code === READ_FUNCTIONS.holding ? 'holding' : undefined;
    const refuse = (exception: number) => this.#send(Buffer.of(address, code | 0x80, exception));
    if (table === undefined) {
      refuse(ILLEGAL_FUNCTION);
      return;
    }
    onRequest();
    const words = Array.from({ length: count }, (_, i) => register(table, start + i));
    if (words.some((word) => word === undefined)) {
      refuse(ILLEGAL_DATA_ADDRESS);
      return;
    }
    const data = Buffer.alloc(3 + count * 2);
    data.set([address, code, count * 2]);
    for (const [i, word] of words.entries()) data.writeUInt16BE(word!, 3 + i * 2);
    this.#send(data);
  }

  #send(frame: Buffer): void {
    this.#io?.timers.after(ANSWER_MS, () => this.#io?.write(withCrc(frame)));
  }
}
