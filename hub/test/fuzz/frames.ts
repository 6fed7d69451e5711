import type { Prng } from '@edgelog/sim';
import { type Api, apis, encodeRequest, type RequestInput } from '@edgelog/wire';
import { layoutOf } from '@edgelog/wire/schema/layout.ts';
import { messageArbitrary } from '@edgelog/wire/testing/arbitrary.ts';
import fc from 'fast-check';
import { batchOf } from '../support/batches.ts';

/** The topic that all attackers work on; the witness has its own, which none of them knows. */
export const TARGET = 'fuzz-target';
const LENGTH_BYTES = 4;
const LENGTHS = [-(2 ** 31), -1, 0, 7, 8, 65_536, 50_000_000, 100 * 2 ** 20, 2 ** 31 - 1];

function frameOf<A extends Api>(api: A, version: number, body: RequestInput<A>): Buffer {
  return encodeRequest(api, version, { correlationId: version, clientId: 'fuzz' }, body);
}

/** Requests as clients send them: they reach deeper than random messages do. */
export function realRequest(prng: Prng): Buffer {
  const version = (api: Api) => prng.between(Math.max(3, api.versions[0]), Math.min(12, api.versions[1]));
  const index = prng.between(0, 3);
  switch (prng.between(0, 5)) {
    case 0: {
      const records = batchOf(Array.from({ length: prng.between(1, 20) }, (_, i) => `value-${i}`));
      const topicData = [{ name: TARGET, partitionData: [{ index, records }] }];
      return frameOf(apis.produce, version(apis.produce), {
        acks: prng.between(-1, 1),
        timeoutMs: 1000,
        topicData,
      });
    }
    case 1: {
      const partitions = [
        { partition: index, fetchOffset: prng.between(0, 9), partitionMaxBytes: 1_000_000 },
      ];
      const topics = [{ topic: TARGET, partitions }];
      const body = { maxWaitMs: prng.between(0, 500), minBytes: 1, maxBytes: 5_000_000, topics };
      const session = { sessionId: prng.between(0, 3), sessionEpoch: prng.between(-1, 2) };
      const at = version(apis.fetch);
      return frameOf(apis.fetch, at, at < 7 ? body : { ...body, ...session });
    }
    case 2:
      return frameOf(apis.metadata, version(apis.metadata), {
        topics: prng.chance(0.5) ? null : [{ name: TARGET }],
      });
    case 3: {
      const partitions = [{ partitionIndex: index, timestamp: prng.between(-6, 1) }];
      const topics = [{ name: TARGET, partitions }];
      return frameOf(apis.listOffsets, version(apis.listOffsets), { replicaId: -1, topics });
    }
    case 4: {
      const protocols = [{ name: 'range', metadata: Buffer.alloc(prng.between(0, 50)) }];
      const member = {
        groupId: 'fuzz-group',
        sessionTimeoutMs: 6000,
        memberId: '',
        protocolType: 'consumer',
        protocols,
      };
      return frameOf(apis.joinGroup, 3, { ...member, rebalanceTimeoutMs: 6000 });
    }
    default:
      return randomMessage(prng);
  }
}

/** Any API at any version, with fields that are legal on the wire and mean anything. */
export function randomMessage(prng: Prng): Buffer {
  const api: Api = prng.pick(Object.values(apis));
  const version = prng.between(...api.versions);
  const arbitrary = messageArbitrary(layoutOf(api.request, version));
  const [body] = fc.sample(arbitrary, { numRuns: 1, seed: prng.between(0, 2 ** 31 - 1) });
  return frameOf(api, version, body as RequestInput<Api>);
}

export function randomBytes(prng: Prng, size: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, () => prng.between(0, 255)));
}

/** Damages a frame in a few places; its length is mostly put right again, so that the damage is looked at. */
export function mutate(frame: Buffer, prng: Prng): Buffer {
  let bytes: Buffer = Buffer.from(frame);
  for (let times = prng.between(1, 4); times > 0; times--) bytes = mutateOnce(bytes, prng);
  if (bytes.length < LENGTH_BYTES) return bytes;
  bytes.writeInt32BE(prng.chance(0.9) ? bytes.length - LENGTH_BYTES : prng.pick(LENGTHS), 0);
  return bytes;
}

function mutateOnce(bytes: Buffer, prng: Prng): Buffer {
  const at = prng.between(Math.min(LENGTH_BYTES, bytes.length), bytes.length);
  const rest = bytes.length - at;
  switch (prng.between(0, 5)) {
    case 0:
      if (rest > 0) bytes[at]! ^= 1 << prng.between(0, 7);
      return bytes;
    case 1:
      if (rest > 0) bytes[at] = prng.pick([0, 1, 0x7f, 0x80, 0xff]);
      return bytes;
    case 2:
      if (rest >= 4) bytes.writeInt32BE(prng.pick([-1, 0, 2 ** 31 - 1, -(2 ** 31), 65_536]), at);
      return bytes;
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([
        bytes.subarray(0, at),
        randomBytes(prng, prng.between(1, 40)),
        bytes.subarray(at),
      ]);
    default: {
      const end = at + prng.between(0, rest);
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    }
  }
}
