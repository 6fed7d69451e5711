import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { describe, expect, test } from 'vitest';
import { connectPacket, publishPacket } from '../testing/raw-mqtt.ts';
import { FrameReader } from './frame-reader.ts';
import { MqttFault } from './protocol.ts';

const LIMIT = 1000;

/** Feeds `bytes` in pieces cut at `cuts`; answers the packets that came out, and the fault that ended it. */
function feed(
  bytes: Buffer,
  cuts: readonly number[],
  limit = LIMIT,
): { packets: Buffer[]; fault: MqttFault | undefined } {
  const reader = new FrameReader(limit);
  const packets: Buffer[] = [];
  const bounds = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  try {
    for (const [i, to] of bounds.entries()) {
      const from = bounds[i - 1] ?? 0;
      if (to === from) continue;
      reader.push(bytes.subarray(from, to));
      while (reader.next()) packets.push(Buffer.from(reader.bytes.subarray(reader.start, reader.end)));
    }
  } catch (error) {
    if (error instanceof MqttFault) return { packets, fault: error };
    throw error;
  }
  return { packets, fault: undefined };
}

const payloadSizes = fc.array(fc.integer({ min: 0, max: LIMIT - 20 }), { maxLength: 20 });
const session = (sizes: readonly number[]): Buffer[] => [
  generate(connectPacket('dev')),
  ...sizes.flatMap((size) => [
    generate(publishPacket('t', Buffer.alloc(size, 0xff))),
    generate({ cmd: 'pingreq' }),
  ]),
];

describe('FrameReader', () => {
  test('gives the packets as they were sent, however the stream is cut', () => {
    fc.assert(
      fc.property(payloadSizes, fc.array(fc.nat()), (sizes, cuts) => {
        const sent = session(sizes);
        expect(feed(Buffer.concat(sent), cuts)).toEqual({ packets: sent, fault: undefined });
      }),
    );
  });

  test('gives a long packet as it was sent, in pieces of whatever lengths: short ones are put together', () => {
    const payload = Buffer.from(Array.from({ length: 12_000 }, (_, n) => n % 251));
    const sent = [generate(connectPacket('dev')), generate(publishPacket('t', payload))];
    const bytes = Buffer.concat(sent);
    fc.assert(
      fc.property(fc.constantFrom(1, 7, 1000), fc.array(fc.nat()), (step, cuts) => {
        const half = bytes.length / 2;
        const steps = Array.from({ length: Math.floor(half / step) }, (_, n) => n * step);
        expect(feed(bytes, [...steps, ...cuts], 100_000).packets).toEqual(sent);
      }),
      { numRuns: 4 },
    );
  });

  test('refuses a packet over the limit when it announces itself, and gives what came before', () => {
    fc.assert(
      fc.property(payloadSizes, fc.array(fc.nat()), fc.boolean(), (sizes, cuts, isCut) => {
        const sent = session(sizes);
        const huge = generate(publishPacket('big', Buffer.alloc(LIMIT)));
        const { packets, fault } = feed(Buffer.concat([...sent, isCut ? huge.subarray(0, 10) : huge]), cuts);
        expect(packets).toEqual(sent);
        expect(fault?.sizeBytes).toBe(huge.length);
      }),
    );
  });

  test('names the topic of a packet over the limit when it has arrived with the header', () => {
    const bytes = Buffer.concat([...session([]), generate(publishPacket('big', Buffer.alloc(LIMIT)))]);
    expect(feed(bytes, []).fault?.topic).toBe('big');
  });

  test('any bytes give packets, wait for more or fault: nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat()), (noise, cuts) => {
        const bytes = Buffer.concat([generate(connectPacket('dev')), noise]);
        const { packets } = feed(bytes, cuts);
        expect(Buffer.concat(packets)).toEqual(bytes.subarray(0, Buffer.concat(packets).length));
      }),
    );
  });
});
