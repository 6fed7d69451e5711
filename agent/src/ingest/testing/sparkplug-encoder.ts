/** Sparkplug B payloads as a device sends them, for tests: protobuf fields written by number. */
type FieldValue = bigint | number | string | Buffer;

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** A bigint is a varint, a number a double. */
export function field(number: number, value: FieldValue): Buffer {
  const tag = (type: number) => varint(BigInt(number * 8 + type));
  if (typeof value === 'bigint') return Buffer.concat([tag(0), varint(value)]);
  if (typeof value === 'number') {
    const double = Buffer.alloc(8);
    double.writeDoubleLE(value);
    return Buffer.concat([tag(1), double]);
  }
  const bytes = Buffer.from(value as Buffer);
  return Buffer.concat([tag(2), varint(BigInt(bytes.length)), bytes]);
}

export interface TestMetric {
  name?: string;
  alias?: bigint;
  datatype?: bigint;
  /** Fields of the value and whatever else, as they are to stand there. */
  rest?: Buffer[];
}

export function sparkplugPayload(timestamp: bigint, seq: bigint, metrics: readonly TestMetric[]): Buffer {
  const encoded = metrics.map(({ name, alias, datatype, rest = [] }) =>
    field(
      2,
      Buffer.concat([
        ...(name === undefined ? [] : [field(1, name)]),
        ...(alias === undefined ? [] : [field(2, alias)]),
        ...(datatype === undefined ? [] : [field(4, datatype)]),
        ...rest,
      ]),
    ),
  );
  return Buffer.concat([field(1, timestamp), ...encoded, field(3, seq)]);
}
