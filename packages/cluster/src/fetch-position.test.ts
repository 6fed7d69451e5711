import { LeaderEpochCache } from '@edgelog/log/leader-epochs.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerFetch, type LogBounds, outOfRange, truncationFor } from './fetch-position.ts';

/** A log as the epochs of its records, one after the other. */
class Epochs implements LogBounds {
  readonly records: number[];
  /** The epoch in which it leads: known to it from the moment it leads. */
  readonly leads: number | undefined;
  constructor(records: number[], leads?: number) {
    this.records = records;
    this.leads = leads;
  }
  readonly logStartOffset = 0;
  get logEndOffset(): number {
    return this.records.length;
  }
  get leaderEpochs(): LeaderEpochCache {
    const starts = this.records.flatMap((epoch, at) =>
      epoch === this.records[at - 1] ? [] : [{ epoch, startOffset: at }],
    );
    const own = this.leads === undefined ? [] : [{ epoch: this.leads, startOffset: this.records.length }];
    return new LeaderEpochCache(
      [...starts, ...own],
      () => this.records.length,
      () => {},
    );
  }
}
const EPOCH = 9;
const at = (log: Epochs, currentLeaderEpoch = EPOCH) => ({
  currentLeaderEpoch,
  offset: log.logEndOffset,
  lastFetchedEpoch: log.records.at(-1) ?? -1,
});

test('a follower of another epoch is turned away', () => {
  const log = new Epochs([1, 1]);
  expect(answerFetch(log, EPOCH, at(log, 8))).toEqual({ kind: 'error', error: 'FENCED_LEADER_EPOCH' });
  expect(answerFetch(log, EPOCH, at(log, 10))).toEqual({ kind: 'error', error: 'UNKNOWN_LEADER_EPOCH' });
});

test('an empty follower reads from the start', () => {
  expect(answerFetch(new Epochs([1, 2]), EPOCH, at(new Epochs([])))).toEqual({ kind: 'read' });
});

test('out of range: the follower cuts what the leader lacks, or starts anew where the leader starts', () => {
  const log = new Epochs([1, 1, 1]);
  expect(outOfRange(log, { logStartOffset: 0, logEndOffset: 2 })).toEqual({ truncateTo: 2 });
  expect(outOfRange(log, { logStartOffset: 7, logEndOffset: 9 })).toEqual({ startAnewAt: 7 });
  expect(outOfRange(log, { logStartOffset: 0, logEndOffset: 5 })).toBeUndefined();
});

/** Two logs that grew from one, each under epochs of its own: no epoch is given to two leaders. */
const histories = fc
  .record({
    common: fc.array(fc.nat(1), { maxLength: 20 }),
    mine: fc.array(fc.constantFrom(2, 4, 6), { maxLength: 10 }),
    theirs: fc.array(fc.constantFrom(3, 5, 7), { maxLength: 10 }),
    /** Whether the follower went on in the last epoch that both had: the leader of it crashed with more than it had passed on. */
    overhang: fc.nat(4),
  })
  .map(({ common, mine, theirs, overhang }) => {
    const sorted = (list: number[]) => list.toSorted((a, b) => a - b);
    const shared = sorted(common);
    const last = shared.at(-1);
    const more = last === undefined ? [] : Array<number>(overhang).fill(last);
    return {
      shared: shared.length,
      follower: new Epochs([...shared, ...more, ...sorted(mine)]),
      leader: new Epochs([...shared, ...sorted(theirs)], EPOCH),
    };
  });

test('a follower ends with a prefix of what the leader has, and never cuts what both have', () => {
  fc.assert(
    fc.property(histories, ({ shared, follower, leader }) => {
      const overhang = follower.records.slice(shared).filter((epoch) => epoch < 2).length;
      for (let rounds = 0; ; rounds++) {
        expect(rounds).toBeLessThan(20);
        const answer = answerFetch(leader, EPOCH, at(follower));
        if (answer.kind === 'read') break;
        const cut =
          answer.kind === 'diverging'
            ? truncationFor(follower, answer)
            : (outOfRange(follower, leader) as { truncateTo: number }).truncateTo;
        expect(cut).toBeGreaterThanOrEqual(shared);
        expect(cut).toBeLessThan(follower.logEndOffset);
        follower.records.length = cut;
      }
      // Records of one epoch at one offset are the same, so equal epochs mean equal logs.
      if (overhang === 0 || leader.records.length > shared)
        expect(leader.records.slice(0, follower.logEndOffset)).toEqual(follower.records);
    }),
    { numRuns: 2_000 },
  );
});
