import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { apis, saslApis } from '../apis/index.ts';
import {
  array,
  bigint64,
  bool,
  bytes,
  float64,
  int8,
  int16,
  int32,
  int64,
  records,
  string,
  struct,
  uint16,
  uint32,
  uuid,
} from '../schema/field.ts';
import { layoutOf } from '../schema/layout.ts';
import { type Api, type Message, message } from '../schema/message.ts';
import { messageArbitrary } from '../testing/arbitrary.ts';
import { compileDecoder } from './compile-decoder.ts';
import { compileEncoder } from './compile-encoder.ts';
import { FrameWriter } from './frame-writer.ts';
import { interpretDecoder } from './interpret-decoder.ts';
import { interpretEncoder } from './interpret-encoder.ts';

/** Every kind of field in every place it can have. */
const everything = message({
  name: 'Everything',
  versions: [0, 3],
  flexible: 2,
  fields: {
    flag: bool({ default: true }),
    tiny: int8(),
    small: int16({ since: 1 }),
    gone: int32({ until: 0, default: 5 }),
    middle: int32(),
    large: int64({ default: -1 }),
    whole: bigint64(),
    port: uint16(),
    crc: uint32(),
    ratio: float64(),
    id: uuid(),
    name: string(),
    maybe: string({ nullable: 1, default: null, since: 1 }),
    blob: bytes({ nullable: 0 }),
    batches: records({ nullable: 0 }),
    numbers: array(int64(), { nullable: 0 }),
    names: array(string()),
    inner: struct({ a: int32(), b: string() }),
    perhaps: struct({ a: int8(), c: array(int16()) }, { nullable: 0 }),
    rows: array({ key: string(), cells: array({ x: int8(), y: bytes() }), extra: int32({ since: 3 }) }),
    tag: int16({ tagged: { tag: 0, since: 2 }, default: 7 }),
    text: string({ tagged: { tag: 3, since: 2 }, nullable: 2, default: null }),
    list: array({ s: string() }, { tagged: { tag: 1, since: 2 } }),
    nested: struct(
      { epoch: int32({ default: -1 }), end: int64({ default: -1 }) },
      { tagged: { tag: 2, since: 3 } },
    ),
  },
});

const messages: Message[] = [
  everything,
  ...Object.values<Api>({ ...apis, ...saslApis }).flatMap((api) => [api.request, api.response]),
];
const versions = messages.flatMap((of) => {
  const [min, max] = of.versions;
  return Array.from({ length: max - min + 1 }, (_, i) => ({
    name: `${of.name} v${min + i}`,
    of,
    version: min + i,
  }));
});

describe.each(versions)('$name', ({ of, version }) => {
  const layout = layoutOf(of, version);
  const compiled = { encode: compileEncoder(layout), decode: compileDecoder(layout) };
  const interpreted = { encode: interpretEncoder(layout), decode: interpretDecoder(layout) };
  const writer = new FrameWriter();

  function encoded(encode: typeof compiled.encode, value: unknown, viewFrom: number): Buffer {
    writer.begin(viewFrom);
    encode(writer, value);
    return Buffer.concat(writer.finish());
  }

  function outcome(decode: typeof compiled.decode, frame: Buffer): unknown {
    try {
      return { value: decode(frame, 0) };
    } catch {
      return 'refused';
    }
  }

  test('both forms encode alike, and both decode what was encoded', () => {
    fc.assert(
      fc.property(messageArbitrary(layout), (value) => {
        const frame = encoded(compiled.encode, value, 10);
        expect(encoded(interpreted.encode, value, Number.POSITIVE_INFINITY)).toStrictEqual(frame);
        expect(compiled.decode(frame, 0)).toStrictEqual(value);
        expect(interpreted.decode(frame, 0)).toStrictEqual(value);
      }),
      { numRuns: of === everything ? 150 : 8 },
    );
  });

  test('both forms refuse the same damaged frames and read the same from the others', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 128, 255))), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(messageArbitrary(layout), damage, fc.option(fc.nat()), (value, changes, cut) => {
        let frame = encoded(compiled.encode, value, 10);
        for (const [at, byte] of changes) if (frame.length > 0) frame[at % frame.length] = byte;
        if (cut !== null) frame = frame.subarray(0, cut % (frame.length + 1));
        expect(outcome(compiled.decode, frame)).toStrictEqual(outcome(interpreted.decode, frame));
      }),
      { numRuns: of === everything ? 400 : 12 },
    );
  });
});

test('a message of more elements than anybody means is refused, whichever of its arrays has them', () => {
  const lists = message({
    name: 'Lists',
    versions: [0, 0],
    flexible: 0,
    fields: { rows: array({ cells: array(int8()) }), more: array(int8()) },
  });
  const layout = layoutOf(lists, 0);
  const message1000 = (rows: number, more: number) => {
    const writer = new FrameWriter();
    const row = { cells: new Array(999).fill(0) };
    writer.begin(Number.POSITIVE_INFINITY);
    compileEncoder(layout)(writer, { rows: new Array(rows).fill(row), more: new Array(more).fill(0) });
    return Buffer.concat(writer.finish());
  };
  for (const decode of [compileDecoder(layout), interpretDecoder(layout)]) {
    expect(decode(message1000(999, 1000), 0)).toHaveProperty('more.length', 1000);
    expect(() => decode(message1000(999, 1001), 0)).toThrow();
    expect(() => decode(message1000(1001, 0), 0)).toThrow();
    expect(decode(message1000(1, 1), 0)).toHaveProperty('more.length', 1);
  }
  expect(() => interpretDecoder(layout)(message1000(999, 1001), 0)).toThrow(/more than 1000000 elements/);
});
