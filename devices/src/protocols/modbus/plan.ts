import { isBitTable, type RegisterTable } from './frame.ts';
import { type Register, registerCount } from './register.ts';

/** Registers that one request reads. */
export interface Block {
  table: RegisterTable;
  start: number;
  count: number;
  registers: readonly Register[];
}

export interface PlanLimits {
  /** Registers per request. At most 125 [Modbus Application Protocol V1.1b3, 6.3]; many instruments allow fewer. */
  maxRegisters: number;
  /** Registers nobody asked for that a request may read over, rather than make another request. */
  maxGap: number;
}

/** A request for bits holds this many for every register it may hold: 2,000 for 125. */
const BITS_PER_REGISTER = 16;

/** Groups registers into few requests: by table, in order of address. No value is split between two. */
export function planBlocks(registers: readonly Register[], limits: PlanLimits): Block[] {
  const blocks: Block[] = [];
  const sorted = registers.toSorted((a, b) => a.table.localeCompare(b.table) || a.address - b.address);
  let open: { table: RegisterTable; start: number; end: number; registers: Register[] } | undefined;
  const close = () => {
    if (open === undefined) return;
    const { table, start, end, registers } = open;
    blocks.push({ table, start, count: end - start, registers });
  };
  for (const register of sorted) {
    const { table, address } = register;
    const end = address + registerCount(register);
    const factor = isBitTable(table) ? BITS_PER_REGISTER : 1;
    const fits =
      open?.table === table &&
      address - open.end <= limits.maxGap * factor &&
      end - open.start <= limits.maxRegisters * factor;
    if (open !== undefined && fits) {
      open.end = Math.max(open.end, end);
      open.registers.push(register);
    } else {
      close();
      open = { table, start: address, end, registers: [register] };
    }
  }
  close();
  return blocks;
}

/** The same registers in two requests: for an instrument that refuses a range because it has a hole. Undefined for a single one. */
export function splitBlock({ registers }: Block): readonly [Block, Block] | undefined {
  if (registers.length < 2) return undefined;
  const middle = registers.length >>> 1;
  return [spanning(registers.slice(0, middle)), spanning(registers.slice(middle))];
}

function spanning(registers: readonly Register[]): Block {
  const { table, address: start } = registers[0]!;
  const end = Math.max(...registers.map((register) => register.address + registerCount(register)));
  return { table, start, count: end - start, registers };
}

/** The bytes of one register within the answer to its block. */
export function registerBytes(block: Block, register: Register, data: Buffer): Buffer {
  const at = register.address - block.start;
  if (isBitTable(block.table)) return Buffer.of((data[at >>> 3]! >>> (at & 7)) & 1);
  return data.subarray(at * 2, (at + registerCount(register)) * 2);
}
