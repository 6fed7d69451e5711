import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { field, sparkplugPayload } from '../testing/sparkplug-encoder.ts';
import { Births } from './births.ts';
import { decodeSparkplug } from './decode.ts';

const INT32 = 3n;
const INT64 = 4n;
const DOUBLE = 10n;
const AT = 1_700_000_000_123n;

function table() {
  const rows = new Map<string, Buffer>();
  return {
    entries: (prefix: string) => [...rows].filter(([key]) => key.startsWith(prefix)),
    put: (key: string, value: Buffer) => void rows.set(key, value),
  };
}

const birth = sparkplugPayload(AT, 0n, [
  { name: 'bdSeq', datatype: 8n, rest: [field(11, 7n)] },
  { name: 'Motor/Speed', alias: 1n, datatype: DOUBLE, rest: [field(13, 1.5)] },
  { name: 'Motor/Delta', alias: 2n, datatype: INT32, rest: [field(10, BigInt.asUintN(32, -5n))] },
]);
const data = sparkplugPayload(AT + 1n, 1n, [
  { alias: 1n, rest: [field(13, 2.5)] },
  { alias: 2n, rest: [field(10, BigInt.asUintN(32, -6n))] },
]);
const json = (decoded: ReturnType<typeof decodeSparkplug>) =>
  'json' in decoded ? JSON.parse(decoded.json.toString()) : decoded;

describe('Sparkplug B', () => {
  test("a node's data has the names and types of its birth", () => {
    const births = new Births(table());
    expect(json(decodeSparkplug('spBv1.0/g/NBIRTH/node', birth, births))).toEqual({
      timestamp: Number(AT),
      seq: 0,
      metrics: [
        { name: 'bdSeq', type: 'UInt64', value: 7 },
        { name: 'Motor/Speed', type: 'Double', value: 1.5 },
        { name: 'Motor/Delta', type: 'Int32', value: -5 },
      ],
    });
    expect(json(decodeSparkplug('spBv1.0/g/NDATA/node', data, births)).metrics).toEqual([
      { name: 'Motor/Speed', type: 'Double', value: 2.5 },
      { name: 'Motor/Delta', type: 'Int32', value: -6 },
    ]);
  });

  test('an alias is known to the devices of its node, after a restart too, and to no other node', () => {
    const rows = table();
    const first = decodeSparkplug('spBv1.0/g/DBIRTH/node/pump', birth, new Births(rows));
    if ('save' in first) first.save?.();
    const births = new Births(rows);
    expect(json(decodeSparkplug('spBv1.0/g/DDATA/node/pump', data, births)).metrics[0].name).toBe(
      'Motor/Speed',
    );
    expect(decodeSparkplug('spBv1.0/g/DDATA/other/pump', data, births)).toMatchObject({
      raw: 'unknown-alias',
    });
  });

  test('integers whose data say no type have that of the birth, without aliases too, each device for itself', () => {
    const rows = table();
    const minusFive = BigInt.asUintN(32, -5n);
    const named = (datatype?: bigint) =>
      sparkplugPayload(AT, 0n, [
        { name: 'Level', ...(datatype === undefined ? {} : { datatype }), rest: [field(10, minusFive)] },
      ]);
    const births = new Births(rows);
    for (const [device, type] of [
      ['pump', INT32],
      ['valve', 7n],
    ] as const) {
      const decoded = decodeSparkplug(`spBv1.0/g/DBIRTH/node/${device}`, named(type), births);
      if ('save' in decoded) decoded.save?.();
    }
    const later = new Births(rows);
    const level = (device: string) => json(decodeSparkplug(`spBv1.0/g/DDATA/node/${device}`, named(), later));
    expect(level('pump').metrics).toEqual([{ name: 'Level', type: 'Int32', value: -5 }]);
    expect(level('valve').metrics).toEqual([{ name: 'Level', type: 'UInt32', value: Number(minusFive) }]);
    expect(level('unborn')).toMatchObject({
      raw: 'unknown-alias',
      why: 'no birth of g/node was seen that says the type of Level',
    });
  });

  test('quality, unit and whatever else a metric has beside its value are carried', () => {
    const property = (...fields: Buffer[]) => field(2, Buffer.concat(fields));
    const set = (...fields: Buffer[]) => Buffer.concat(fields);
    const inner = set(field(1, 'low'), property(field(1, INT32), field(3, BigInt.asUintN(32, -1n))));
    const properties = set(
      field(1, 'Quality'),
      property(field(1, INT32), field(3, 192n)),
      field(1, 'engUnit'),
      property(field(1, 12n), field(8, '°C')),
      field(1, 'none'),
      property(field(1, INT32), field(2, 1n)),
      field(1, 'range'),
      property(field(1, 20n), field(9, inner)),
      field(1, 'ranges'),
      property(field(1, 21n), field(10, set(field(1, inner), field(1, inner)))),
    );
    const payload = Buffer.concat([
      sparkplugPayload(AT, 0n, [
        { name: 't', datatype: DOUBLE, rest: [field(9, properties), field(8, field(3, 9n)), field(13, 1.5)] },
      ]),
      field(4, 'id'),
      field(5, Buffer.from([1, 2])),
    ]);
    expect(json(decodeSparkplug('spBv1.0/g/NDATA/n', payload, new Births(table())))).toEqual({
      timestamp: Number(AT),
      seq: 0,
      uuid: 'id',
      metrics: [
        {
          name: 't',
          type: 'Double',
          metadata: { base64: 'GAk=' },
          properties: {
            Quality: 192,
            engUnit: '°C',
            none: null,
            range: { low: -1 },
            ranges: [{ low: -1 }, { low: -1 }],
          },
          value: 1.5,
        },
      ],
      body: { base64: 'AQI=' },
    });
  });

  test('the state of a host application is JSON already, with a time of its own', () => {
    const state = Buffer.from('{"online":true,"timestamp":1700000000123}');
    expect(decodeSparkplug('spBv1.0/STATE/scada', state, new Births(table()))).toMatchObject({
      json: state,
      timestampMs: Number(AT),
    });
    expect(decodeSparkplug('spBv1.0/STATE/scada', Buffer.from('ONLINE'), new Births(table()))).toMatchObject({
      raw: 'undecodable',
    });
  });

  test("a node's new birth ends the aliases it had", () => {
    const births = new Births(table());
    decodeSparkplug('spBv1.0/g/NBIRTH/node', birth, births);
    decodeSparkplug('spBv1.0/g/NBIRTH/node', sparkplugPayload(AT, 0n, []), births);
    expect(decodeSparkplug('spBv1.0/g/NDATA/node', data, births)).toMatchObject({
      raw: 'unknown-alias',
      why: 'no birth of g/node was seen that names alias 1',
      timestampMs: Number(AT + 1n),
    });
  });

  test('births without end: beyond the bound a birth goes on as it came, and those known stay known', () => {
    const births = new Births(table());
    decodeSparkplug('spBv1.0/g/NBIRTH/node', birth, births);
    const many = Array.from({ length: 5000 }, (_, i) => ({ name: `m${i}`, alias: BigInt(i) }));
    const outcomes = Array.from({ length: 12 }, (_, i) =>
      decodeSparkplug(`spBv1.0/g/NBIRTH/n${i}`, sparkplugPayload(AT, 0n, many), births),
    );
    expect(outcomes.map((one) => 'json' in one)).toEqual([...Array(9).fill(true), false, false, false]);
    expect(outcomes.at(-1)).toMatchObject({ raw: 'undecodable', why: 'no room for the aliases of g/n11' });
    expect('json' in decodeSparkplug('spBv1.0/g/NDATA/node', data, births)).toBe(true);
  });

  test('integers beyond 2^53 keep all their digits, null is null, bytes are base64', () => {
    const payload = sparkplugPayload(AT, 0n, [
      { name: 'big', datatype: INT64, rest: [field(11, BigInt.asUintN(64, -(2n ** 62n)))] },
      { name: 'none', datatype: INT64, rest: [field(7, 1n)] },
      { name: 'bytes', datatype: 17n, rest: [field(16, Buffer.from([1, 2]))] },
      { name: 'nan', datatype: DOUBLE, rest: [field(13, Number.NaN)] },
      { name: 'flag', datatype: 11n, rest: [field(14, 1n)] },
    ]);
    const { metrics } = json(decodeSparkplug('spBv1.0/g/NDATA/n', payload, new Births(table())));
    expect(metrics.map(({ value }: { value: unknown }) => value)).toEqual([
      '-4611686018427387904',
      null,
      { base64: 'AQI=' },
      'NaN',
      true,
    ]);
  });

  test('whatever the bytes are, it is JSON or goes on as it came', () => {
    const births = new Births(table());
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.tuple(fc.nat(birth.length - 1), fc.nat(255)).map(([at, byte]) => {
            const bytes = Uint8Array.from(birth);
            bytes[at] = byte;
            return bytes;
          }),
          fc.nat(birth.length).map((length) => birth.subarray(0, length)),
        ),
        (bytes) => {
          const decoded = decodeSparkplug('spBv1.0/g/DDATA/node/d', Buffer.from(bytes), births);
          if ('json' in decoded) JSON.parse(decoded.json.toString());
          else expect(['undecodable', 'unknown-alias']).toContain(decoded.raw);
        },
      ),
      { numRuns: 500 },
    );
  });
});
