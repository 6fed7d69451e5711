import { expect, test } from 'vitest';
import { type IsrProposal, PartitionLeader } from './leader.ts';
import type { PartitionRecord } from './records.ts';

const LAG = 100;
const record: PartitionRecord = {
  replicas: [1, 2, 3],
  isr: [1, 2, 3],
  elr: [],
  leader: 1,
  leaderEpoch: 4,
  leaderBrokerEpoch: 7,
  minInsync: 2,
  adding: [],
  removing: [],
};
const EPOCHS = new Map([
  [2, 20],
  [3, 30],
]);

function leader(over: Partial<PartitionRecord> = {}, endOffset = 100, highWatermark = 50): PartitionLeader {
  return new PartitionLeader(
    { me: 1, lagMsMax: LAG, joinable: (id) => EPOCHS.get(id) },
    { record: { ...record, ...over }, revision: 1, endOffset, highWatermark, now: 0 },
  );
}
const done = ({ record }: IsrProposal, revision: number) => ({ kind: 'done', record, revision }) as const;

test('the high watermark is the least end of the ISR, and waits for those who have not fetched yet', () => {
  const one = leader();
  one.fetched(2, 20, 100, 1);
  expect(one.highWatermark).toBe(50);
  one.fetched(3, 30, 80, 1);
  expect(one.highWatermark).toBe(80);
  one.flushed(120, 2);
  one.fetched(3, 30, 120, 3);
  expect(one.highWatermark).toBe(100);
});

test('alone in the ISR and enough, the leader commits what it has', () => {
  expect(leader({ isr: [1], minInsync: 1, replicas: [1] }).highWatermark).toBe(100);
});

test('below min.insync.replicas the high watermark stands', () => {
  const one = leader({ isr: [1], elr: [2] });
  one.fetched(2, 20, 90, 1);
  expect(one.hasEnoughReplicas).toBe(false);
  expect(one.highWatermark).toBe(50);
});

test('who lags leaves the ISR, and counts until that is done', () => {
  const one = leader();
  one.fetched(2, 20, 100, 1);
  one.fetched(3, 30, 60, 1);
  expect(one.propose(LAG)).toBeUndefined();
  one.fetched(2, 20, 100, LAG + 1);
  const proposal = one.propose(LAG + 2)!;
  expect(proposal).toMatchObject({ expected: 1, record: { isr: [1, 2], elr: [] }, brokerEpochs: [] });
  expect(one.propose(LAG + 2)).toBeUndefined();
  expect(one.highWatermark).toBe(60);
  one.settled(done(proposal, 2), LAG + 3);
  expect(one.highWatermark).toBe(100);
});

test('a follower that is idle because it has everything does not lag', () => {
  const one = leader();
  one.fetched(2, 20, 100, 1);
  one.fetched(3, 30, 100, 1);
  expect(one.propose(10 * LAG)).toBeUndefined();
});

test('a follower that waited at the end does not lag when records come, and one that has lost touch does', () => {
  const one = leader();
  for (const [id, epoch] of EPOCHS) one.fetched(id, epoch, 100, 1);
  one.waited(2, 20, 9 * LAG);
  one.waited(3, 29, 9 * LAG);
  one.flushed(110, 9 * LAG + 1);
  expect(one.propose(9 * LAG + 2)).toMatchObject({ record: { isr: [1, 2] } });
  one.waited(3, 30, 9 * LAG + 2);
  expect(one.followers()).toContainEqual({ brokerId: 3, endOffset: 100 });
});

test('who has caught up joins, and counts from the moment it is proposed', () => {
  const one = leader({ isr: [1, 2] });
  one.fetched(2, 20, 100, 1);
  expect(one.highWatermark).toBe(100);
  one.flushed(110, 1);
  one.fetched(3, 30, 99, 1);
  expect(one.propose(1)).toBeUndefined();
  one.fetched(3, 30, 105, 2);
  const proposal = one.propose(2)!;
  expect(proposal).toMatchObject({
    record: { isr: [1, 2, 3] },
    brokerEpochs: [{ brokerId: 3, brokerEpoch: 30 }],
  });
  one.fetched(2, 20, 110, 3);
  expect(one.highWatermark).toBe(105);
  one.settled({ kind: 'unknown' }, 4);
  expect(one.maximalIsr).toEqual([1, 2, 3]);
  expect(one.pending).toBe(proposal);
  one.settled({ kind: 'refused' }, 5);
  expect(one.maximalIsr).toEqual([1, 2]);
});

test('nobody joins who has not come to where this epoch began, or comes under another registration', () => {
  const one = leader({ isr: [1, 2] }, 100, 50);
  one.fetched(3, 30, 99, 1);
  expect(one.propose(1)).toBeUndefined();
  one.fetched(3, 31, 100, 1);
  expect(one.propose(1)).toBeUndefined();
  expect(one.fetched(3, 30, 100, 1)).toBe(false);
});

test('a follower that is no replica is refused, older metadata ignored', () => {
  const one = leader();
  expect(one.fetched(9, 1, 0, 1)).toBe(false);
  one.update({ ...record, isr: [1, 2] }, 5, 1);
  one.update(record, 4, 1);
  expect(one.record.isr).toEqual([1, 2]);
});
