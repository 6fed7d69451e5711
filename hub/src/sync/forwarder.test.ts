import { RESERVED_PRODUCER_ID_MIN } from '@edgelog/wire';
import { expect, test } from 'vitest';
import { Forwarder } from './forwarder.ts';
import type { Run } from './runs.ts';

const producerId = RESERVED_PRODUCER_ID_MIN + 1;
const run = { producerId, topicId: '0b35a9c5-7d3b-4d6d-8d0f-111111111111', partition: 0 } as Run;

/** Answers in the order of the requests, like a broker; openings when the test says so. */
function slowToOpen() {
  const { promise: mayOpen, resolve: settle } = Promise.withResolvers<void>();
  const link = () => {
    let before: Promise<unknown> = Promise.resolve();
    const request = ({ name }: { name: string }) => {
      const after = before;
      const result = { refusal: null, message: '', nextOffset: 10, crc: 7 };
      const answer: Promise<unknown> =
        name === 'OpenRun'
          ? mayOpen.then(() => ({ errorCode: 0, leaderEpoch: 5, opening: 2, ...result }))
          : Promise.resolve({ errorCode: 0, results: [result] });
      before = answer;
      return after.then(() => answer);
    };
    return { request, reset: () => {} };
  };
  const session = { epoch: 1, onLost: () => {} };
  const forwarder = new Forwarder(...([{ open: link }, session] as unknown as ForwarderArguments));
  return { forwarder, settle };
}
type ForwarderArguments = ConstructorParameters<typeof Forwarder>;

test('acknowledgements do not wait behind an opening that waits for replicas', async () => {
  const { forwarder, settle } = slowToOpen();
  const opened = forwarder.open(2, run);
  const appended = await forwarder.append(2, producerId + 1, { leaderEpoch: 5, number: 1 }, Buffer.alloc(70));
  expect(appended).toEqual({ next: 10, crc: 7 });
  settle();
  expect(await opened).toMatchObject({ ok: true, opening: { leaderEpoch: 5, number: 2 } });
});
