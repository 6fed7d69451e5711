import type * as election from '@edgelog/cluster/election.ts';
import type * as fetchPosition from '@edgelog/cluster/fetch-position.ts';
import type * as leader from '@edgelog/cluster/leader.ts';
import { expect, test } from 'vitest';
import { mutating, violationAmong } from '../testing/mutating.ts';
import type { Bug } from './broker.ts';
import type { ClusterFault } from './world.ts';

/** Bugs put in on purpose, each of which the simulator has to find: in the pure cores by replacing them, in the shell by name. */

interface Modules {
  '@edgelog/cluster/election.ts': typeof election;
  '@edgelog/cluster/fetch-position.ts': typeof fetchPosition;
  '@edgelog/cluster/leader.ts': typeof leader;
}

const mutate = mutating<Modules>();

const SEEDS = 150;

/** The first violation within some seeds; `from` saves the time for those known to be clean. */
async function firstViolation(
  faults: readonly ClusterFault[],
  bugs: readonly Bug[] = [],
  from = 1,
): Promise<string | undefined> {
  const { runCluster } = await import('./world.ts');
  return violationAmong({ from, count: SEEDS }, (seed) => runCluster({ seed, faults, bugs }));
}

test.each<[string, Bug, readonly ClusterFault[], from?: number]>([
  ['acknowledges before its followers have it', 'ackBeforeReplication', ['kill', 'cutBroker']],
  ['tells the leader of data that is not on its disk yet', 'confirmBeforeFlush', ['killAll', 'slowDisk'], 30],
  [
    'truncates to its high watermark when it begins to follow',
    'truncateToHighWatermark',
    ['kill', 'pause', 'cutOneWay', 'cutBroker'],
  ],
  ['compares no epochs when a follower fetches', 'ignoreEpochs', ['kill', 'pause', 'cutBroker']],
  ['counts a disk that was lost as the old one', 'trustAnyDisk', ['wipe', 'kill']],
  [
    'changes the ISR without comparing revisions',
    'changeIsrWithoutComparing',
    ['kill', 'pause', 'cutBroker', 'cutFromEtcd'],
    120,
  ],
  ['shows what is not committed', 'serveBeyondHighWatermark', ['kill', 'cutBroker', 'pause']],
  ['forgets the sequences of producers', 'forgetSequences', ['kill', 'cutOneWay']],
  [
    'tells a gateway of what is not committed',
    'openRunUncommitted',
    ['kill', 'cutBroker', 'killAgent', 'breakAgent'],
    130,
  ],
])('a broker that %s is caught', async (_, bug, faults, from) => {
  expect(await firstViolation(faults, [bug], from)).toBeDefined();
});

test('a reassignment that counts new replicas as in sync at once is caught', async () => {
  await mutate('@edgelog/cluster/election.ts', () => ({
    reassign: (record, target) => ({
      ...record,
      replicas: [...target],
      isr: [...target],
      adding: [],
      removing: [],
    }),
  }));
  expect(await firstViolation(['reassign', 'kill'])).toBeDefined();
});

test('a controller that takes any living replica for leader is caught', async () => {
  await mutate('@edgelog/cluster/election.ts', ({ settle }) => ({
    settle: (record, brokers) => {
      const next = settle(record, brokers);
      const alive = record.replicas.find((id) => brokers(id).epoch !== undefined);
      return next.leader !== -1 || alive === undefined
        ? next
        : {
            ...next,
            isr: [alive],
            leader: alive,
            leaderBrokerEpoch: brokers(alive).epoch!,
            leaderEpoch: next.leaderEpoch + (record.leader === -1 ? 1 : 0),
          };
    },
  }));
  expect(await firstViolation(['kill', 'killAll', 'cutBroker'])).toBeDefined();
});

test('a leader whose ISR anybody may join is caught', async () => {
  await mutate('@edgelog/cluster/leader.ts', ({ PartitionLeader }) => ({
    PartitionLeader: class extends PartitionLeader {
      override fetched(follower: number, brokerEpoch: number, _: number, now: number): boolean {
        return super.fetched(follower, brokerEpoch, this.endOffset, now);
      }
    },
  }));
  expect(await firstViolation(['kill', 'pause', 'slowDisk'])).toBeDefined();
});

test('a leader that forgets whom it let in while the answer was lost is caught', async () => {
  await mutate('@edgelog/cluster/leader.ts', ({ PartitionLeader }) => ({
    PartitionLeader: class extends PartitionLeader {
      override get maximalIsr(): readonly number[] {
        return this.record.isr.slice(0, 1);
      }
    },
  }));
  expect(await firstViolation(['kill', 'cutFromEtcd', 'etcdQuorum', 'cutOneWay'])).toBeDefined();
});

test('a follower that keeps what the leader never had is caught', async () => {
  await mutate('@edgelog/cluster/fetch-position.ts', () => ({
    truncationFor: (log) => log.logEndOffset,
  }));
  expect(await firstViolation(['kill', 'pause', 'cutOneWay', 'cutBroker'])).toBeDefined();
});

test('an ISR below min.insync.replicas in which the high watermark goes on is caught', async () => {
  await mutate('@edgelog/cluster/leader.ts', ({ PartitionLeader }) => ({
    PartitionLeader: class extends PartitionLeader {
      override get hasEnoughReplicas(): boolean {
        return true;
      }
    },
  }));
  expect(await firstViolation(['kill', 'killAll', 'pause', 'wipe', 'cutBroker'])).toBeDefined();
});
