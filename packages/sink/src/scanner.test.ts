import { silentLogger } from '@edgelog/runtime';
import { readBatchHeader } from '@edgelog/wire';
import { expect, test } from 'vitest';
import type { FoundBatch, SinkCluster } from './cluster.ts';
import { Scanner } from './scanner.ts';
import { ModelGateway } from './testing/model-gateway.ts';

const place = { topic: 't', topicId: 't#1', partition: 0 };

function log(): FoundBatch[] {
  return [0, 1].flatMap((number) => {
    const batch = () => ({ records: 1, time: 0 });
    const gateway = new ModelGateway({
      ...{ number, topic: 't', firstOffset: 0, batches: 1 },
      batch,
      sealed: () => 1,
    });
    const bytes = gateway.batch(0);
    bytes.writeBigInt64BE(BigInt(number), 0);
    return [{ bytes, header: readBatchHeader(bytes) }];
  });
}

test('who comes when a pass has found all that it was for, and is not over yet, is not told that there is nothing', async () => {
  const [first, second] = log();
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let passes = 0;
  const scan: SinkCluster['scan'] = async (_, offset, visit) => {
    const gate = gates[passes++]!;
    let at = offset;
    for (const found of [first!, second!]) {
      if (found.header.lastOffset < offset) continue;
      at = found.header.lastOffset + 1;
      if (!visit(found)) break;
    }
    await gate.promise;
    return at;
  };
  const cluster = { scan } as unknown as SinkCluster;
  const scanner = new Scanner({ cluster, log: silentLogger, monotonic: () => 0, endOf: () => 2 }, place);
  const found: string[] = [];
  const search = (name: string, { header }: FoundBatch, from: number) => {
    const visit = () => found.push(name) > 0;
    return scanner.search({ producerId: header.producerId, from, until: undefined, end: 2, visit });
  };
  const one = search('first', first!, 0);
  await one;
  const other = search('second', second!, 1);
  for (const { resolve } of gates) resolve();
  await other;
  expect(found).toEqual(['first', 'second']);
});
