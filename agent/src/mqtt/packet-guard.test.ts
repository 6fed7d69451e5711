import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { describe, expect, test } from 'vitest';
import { connectPacket, publishPacket } from '../testing/raw-mqtt.ts';
import { type PacketFault, PacketGuard } from './packet-guard.ts';

const LIMIT = 1000;

/** Feeds `bytes` in pieces cut at `cuts`; answers the first fault and where its read began. */
function feed(bytes: Buffer, cuts: readonly number[]): { fault: PacketFault; at: number } | undefined {
  const guard = new PacketGuard(LIMIT);
  const bounds = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
  for (const [i, to] of bounds.entries()) {
    const from = bounds[i - 1] ?? 0;
    const fault = to > from ? guard.scan(bytes.subarray(from, to)) : undefined;
    if (fault !== undefined) return { fault, at: from };
  }
  return undefined;
}

const payloadSizes = fc.array(fc.integer({ min: 0, max: LIMIT - 20 }), { maxLength: 20 });
const session = (sizes: readonly number[]) =>
  Buffer.concat([
    generate(connectPacket('dev')),
    ...sizes.flatMap((size) => [
      generate(publishPacket('t', Buffer.alloc(size, 0xff))),
      generate({ cmd: 'pingreq' }),
    ]),
  ]);

describe('PacketGuard', () => {
  test('lets any stream of packets within the limit pass, however it is cut', () => {
    fc.assert(
      fc.property(payloadSizes, fc.array(fc.nat()), (sizes, cuts) => {
        const bytes = session(sizes);
        expect(
          feed(
            bytes,
            cuts.map((cut) => cut % (bytes.length + 1)),
          ),
        ).toBeUndefined();
      }),
    );
  });

  test('finds the packet over the limit wherever it is cut, and knows which bytes are good', () => {
    fc.assert(
      fc.property(payloadSizes, fc.array(fc.nat()), (sizes, cuts) => {
        const good = session(sizes);
        const bytes = Buffer.concat([good, generate(publishPacket('big', Buffer.alloc(LIMIT)))]);
        const found = feed(
          bytes,
          cuts.map((cut) => cut % (bytes.length + 1)),
        );
        expect(found?.fault.sizeBytes).toBe(LIMIT + 7);
        expect(found!.at + found!.fault.goodBytes).toBe(Math.max(found!.at, good.length));
      }),
    );
  });

  test('names the topic when it has arrived with the header', () => {
    expect(
      feed(Buffer.concat([session([]), generate(publishPacket('big', Buffer.alloc(LIMIT)))]), [])!.fault
        .topic,
    ).toBe('big');
  });
});
