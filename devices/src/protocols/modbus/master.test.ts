import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decimal, parseDecimal } from '../decimal.ts';
import { LINE_9600, TestLine } from '../testing.ts';
import { withCrc } from './frame.ts';
import { ModbusMaster, type ModbusOptions } from './master.ts';
import { planBlocks } from './plan.ts';
import { type Register, registerValue } from './register.ts';

function register(name: string, address: number, fields: Partial<Register> = {}): Register {
  return {
    name,
    table: 'holding',
    address,
    type: 'uint16',
    wordOrder: 'big',
    scale: decimal(1),
    offset: decimal(0),
    unit: '',
    absent: [],
    bits: undefined,
    ...fields,
  };
}

function master(options: Partial<ModbusOptions> = {}): ModbusMaster {
  return new ModbusMaster({
    profile: 'test',
    line: LINE_9600,
    registers: [register('a', 0), register('b', 1)],
    devices: [{ name: '', address: '1' }],
    everyMs: 1_000,
    timeoutMs: 200,
    retries: 2,
    maxRegisters: 60,
    maxGap: 8,
    ...options,
  });
}

/** A slave whose register n holds n + 100 (and more, by `add`). */
function answer(request: Buffer, add = 0): Buffer {
  const [slave, code] = request as unknown as [number, number];
  const [start, count] = [request.readUInt16BE(2), request.readUInt16BE(4)];
  const data = Buffer.alloc(count * 2);
  for (let i = 0; i < count; i++) data.writeUInt16BE(start + i + 100 + add, i * 2);
  return withCrc(Buffer.concat([Buffer.of(slave, code, data.length), data]));
}

function exception(request: Buffer, code: number): Buffer {
  return withCrc(Buffer.of(request[0]!, request[1]! | 0x80, code));
}

test('the request of the specification has the CRC of the specification', () => {
  // XY-MD02 manual: 01 04 00 01 00 01 60 0A
  expect(withCrc(Buffer.from('010400010001', 'hex')).toString('hex')).toBe('010400010001600a');
});

test('a polled slave gives a reading per interval', () => {
  const line = new TestLine(master(), (request) => answer(request)).run(3_500);
  expect(line.values).toEqual(Array.from({ length: 4 }, () => ({ a: 100, b: 101 })));
  expect(line.faults).toEqual([]);
});

test('a wrong CRC is never a reading: the request is repeated, and the fault counted', () => {
  let requests = 0;
  const line = new TestLine(master(), (request) => {
    requests += 1;
    const frame = answer(request);
    if (requests === 1) frame[4]! ^= 1;
    return frame;
  }).run(900);
  expect(line.faults).toEqual(['checksum']);
  expect(line.values).toEqual([{ a: 100, b: 101 }]);
});

test('an answer that comes late is not taken for the answer to the next request', () => {
  // Two blocks of the same size at the same slave: only time tells their answers apart.
  const registers = [register('a', 0), register('z', 1_000)];
  let requests = 0;
  const line = new TestLine(master({ registers, everyMs: 60_000 }), (request) => {
    requests += 1;
    if (requests > 1) return answer(request);
    // The first answer comes after the request was repeated, and so after the second answer.
    line.after(300, answer(request));
    return undefined;
  });
  line.run(5_000);
  expect(line.values).toEqual([{ a: 100, z: 1_100 }]);
});

test('a slave that is always slower than its timeout gives right values or none, and is named', () => {
  // Three blocks of the same size: the answer to one fits the others.
  const registers = [register('a', 0), register('m', 500), register('z', 1_000)];
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 900 }),
      fc.boolean(),
      fc.nat(3),
      fc.constantFrom(50, 300, 1_000, 5_000),
      (latencyMs, isQueued, retries, everyMs) => {
        let freeAtMs = 0;
        const slow: TestLine = new TestLine(master({ registers, retries, everyMs }), (request) => {
          const now = slow.timers.now();
          freeAtMs = Math.max(isQueued ? freeAtMs : 0, now) + latencyMs;
          slow.after(freeAtMs - now, answer(request));
          return undefined;
        });
        slow.run(20_000);
        for (const value of slow.values) expect(value).toEqual({ a: 100, m: 600, z: 1_100 });
        if (latencyMs > 250) expect(slow.faults).toContain('timeout');
      },
    ),
  );
});

test('an answer with a wrong CRC was the answer: nothing is waited for once the request was repeated', () => {
  let requests = 0;
  const registers = [register('a', 0), register('z', 1_000)];
  const line = new TestLine(master({ registers, everyMs: 60_000 }), (request) => {
    requests += 1;
    const frame = answer(request);
    if (requests === 1) frame[4]! ^= 1;
    return frame;
  }).run(300);
  expect(line.values).toEqual([{ a: 100, z: 1_100 }]);
});

test('a slave that is silent is tried ever more rarely and does not take the time of the others', () => {
  const devices = [
    { name: 'dead', address: '7' },
    { name: 'live', address: '8' },
  ];
  const line = new TestLine(master({ devices }), (request) =>
    request[0] === 8 ? answer(request) : undefined,
  );
  line.run(60_000);
  const live = line.readings.filter(({ device }) => device === 'live').length;
  expect(live).toBeGreaterThan(50);
  expect(line.readings.length).toBe(live);
  const tries = line.faults.filter((kind) => kind === 'timeout').length;
  expect(tries).toBeGreaterThanOrEqual(4);
  expect(tries).toBeLessThanOrEqual(8);
  expect(line.details[0]).toBe('slave 7 does not answer');
});

test.each([
  [2, 'a hole in the register map'],
  [3, 'a range that is longer than the slave allows'],
])('exception %i: %s costs one refusal, not the reading', (code) => {
  const registers = [register('a', 0), register('b', 5)];
  const line = new TestLine(master({ registers }), (request) =>
    request.readUInt16BE(4) > 1 ? exception(request, code) : answer(request),
  ).run(2_500);
  expect(line.values).toEqual([
    { a: 100, b: 105 },
    { a: 100, b: 105 },
    { a: 100, b: 105 },
  ]);
  expect(line.faults).toEqual([]);
  expect(line.written).toHaveLength(1 + 2 + 2 + 2);
});

test('what a slave refuses is left out and named', () => {
  const registers = [register('a', 0), register('b', 100)];
  const line = new TestLine(master({ registers }), (request) =>
    request.readUInt16BE(2) === 100 ? exception(request, 4) : answer(request),
  ).run(500);
  expect(line.values).toEqual([{ a: 100 }]);
  expect(line.faults).toEqual(['refused']);
  expect(line.details[0]).toBe('slave 1: exception 4 (server device failure) for b');
});

test('a slave that falls silent in the middle of a poll gives no reading', () => {
  const registers = [register('a', 0), register('b', 100)];
  const line = new TestLine(master({ registers }), (request) =>
    request.readUInt16BE(2) === 100 ? undefined : answer(request),
  ).run(900);
  expect(line.readings).toEqual([]);
  expect(line.faults).toEqual(['timeout']);
});

test('a line that never falls silent does not stop the polling', () => {
  const line = new TestLine(master(), (request) => answer(request));
  for (let ms = 0; ms < 4_000; ms += 2) line.after(ms, Buffer.alloc(8, 0x55));
  line.run(10_000);
  expect(line.values.length).toBeGreaterThan(3);
  expect(line.faults).toContain('framing');
});

test('the echo of the request is passed over', () => {
  const line = new TestLine(master(), (request) => Buffer.concat([request, answer(request)])).run(500);
  expect(line.values).toEqual([{ a: 100, b: 101 }]);
  expect(line.faults).toEqual([]);
});

test('requests are 3.5 characters apart', () => {
  const times: number[] = [];
  const registers = [register('a', 0), register('b', 100), register('c', 200)];
  const line = new TestLine(master({ registers }), (request) => {
    times.push(line.timers.now());
    return answer(request);
  });
  line.run(500);
  expect(times).toHaveLength(3);
  // 3.5 × 10 bits at 9,600 bit/s, from the answer, which takes 1 ms here.
  for (let i = 1; i < 3; i++) expect(times[i]! - times[i - 1]! - 1).toBeGreaterThanOrEqual(3.64);
});

test('every register is in one block, no block is over the limit, and none reads over a larger gap', () => {
  const one = fc.record({
    address: fc.nat(300),
    type: fc.constantFrom('int16' as const, 'float32' as const, 'float64' as const),
    table: fc.constantFrom('holding' as const, 'input' as const),
  });
  fc.assert(
    fc.property(
      fc.array(one, { maxLength: 40 }),
      fc.integer({ min: 4, max: 125 }),
      fc.nat(20),
      (specs, maxRegisters, maxGap) => {
        const registers = specs.map((spec, i) => register(`r${i}`, spec.address, spec));
        const blocks = planBlocks(registers, { maxRegisters, maxGap });
        expect(blocks.flatMap((block) => block.registers.map(({ name }) => name)).toSorted()).toEqual(
          registers.map(({ name }) => name).toSorted(),
        );
        for (const { count, start, table, registers: members } of blocks) {
          expect(count).toBeLessThanOrEqual(maxRegisters);
          for (const member of members) {
            expect(member.table).toBe(table);
            expect(member.address).toBeGreaterThanOrEqual(start);
          }
        }
      },
    ),
  );
});

test.each([
  ['int16', 'big', 'ff33', -205],
  ['uint16', 'big', 'ff33', 65_331],
  ['int32', 'big', 'fffffffe', -2],
  ['uint32', 'big', '00010002', 65_538],
  ['uint32', 'little', '00020001', 65_538],
  ['float32', 'big', '43663333', 230.2],
  ['float32', 'little', '33334366', 230.2],
  ['float64', 'big', '3ff4000000000000', 1.25],
  ['int64', 'big', 'ffffffffffffffff', -1],
] as const)('%s, %s words: %s is %d', (type, wordOrder, hex, expected) => {
  const value = registerValue(register('v', 0, { type, wordOrder }), Buffer.from(hex, 'hex'));
  expect(value).toEqual(parseDecimal(String(expected)));
});

test('NaN and the values an instrument has for "none" are left out; bits have names', () => {
  expect(
    registerValue(register('v', 0, { type: 'float32' }), Buffer.from('7fc00000', 'hex')),
  ).toBeUndefined();
  expect(
    registerValue(register('v', 0, { absent: [decimal(0x7fff)] }), Buffer.from('7fff', 'hex')),
  ).toBeUndefined();
  const bits = new Map([
    ['alarm', 0],
    ['door', 15],
  ]);
  expect(registerValue(register('v', 0, { bits }), Buffer.from('8000', 'hex'))).toEqual(
    new Map([
      ['alarm', false],
      ['door', true],
    ]),
  );
});
