import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogStore, openLogStore } from '@edgelog/log';
import { ErrorCode } from '@edgelog/wire';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MovingOffsets, type Node } from './moving-offsets.ts';

/**
 * Clients that commit, fetch and join, while the leadership moves between two brokers at any moment, with or without what was not
 * committed, while replicas lag, and while a leader is not sure of leading.
 */
type Action =
  | { do: 'commit' | 'fetch'; group: number; at: number }
  | { do: 'join' | 'beat' }
  | { do: 'replicate'; share: number }
  | { do: 'move'; kept: number }
  | { do: 'restart' | 'doubt' | 'lack' | 'flush' | 'turns' };

const GROUPS = 3;
const share = fc.constantFrom(0, 0.5, 1);
const group = fc.nat(GROUPS - 1);
/** Of the two brokers mostly the leader is asked, which is 0. */
const at = fc.constantFrom(0, 0, 0, 1);
const plain = fc.constantFrom<Action>(
  { do: 'join' },
  { do: 'beat' },
  { do: 'restart' },
  { do: 'doubt' },
  { do: 'lack' },
  { do: 'flush' },
  { do: 'flush' },
  { do: 'turns' },
  { do: 'turns' },
);
const actions = fc.array(
  fc.oneof<fc.WeightedArbitrary<Action>[]>(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('commit' as const), group, at }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('fetch' as const), group, at }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('replicate' as const), share }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const), kept: share }) },
    { weight: 8, arbitrary: plain },
  ),
  { maxLength: 60, size: 'max' },
);

let dir: string;
let store: LogStore;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'edgelog-moves-'));
  store = await openLogStore({ dir, flush: false });
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true });
});

async function turns(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
}

class World {
  readonly moving = new MovingOffsets(store, {
    settings: { initialRebalanceDelayMs: 0, commitTimeoutMs: 60_000 },
  });
  /** By group: no answer may be older than what was told when its request was sent. */
  readonly told = Array<number>(GROUPS).fill(-1);
  toldGeneration = 0;
  #leader: Node = this.moving.nodes[0];
  #other: Node = this.moving.nodes[1];
  #memberId = '';
  #offsets = 0;
  #joining = false;
  readonly #open = new Set<Promise<void>>();

  async apply(action: Action): Promise<void> {
    const { moving } = this;
    const leader = this.#leader;
    switch (action.do) {
      case 'commit':
        this.#track(this.#commit(action.at === 0 ? leader : this.#other, action.group));
        break;
      case 'fetch':
        this.#track(this.#fetch(action.at === 0 ? leader : this.#other, action.group));
        break;
      case 'join':
        if (!this.#joining) this.#track(this.#join(leader));
        break;
      case 'beat':
        this.#track(leader.heartbeat(this.#memberId, this.toldGeneration).then(() => {}));
        break;
      case 'replicate': {
        const { highWatermark, log } = leader.partition;
        leader.replicate(highWatermark + Math.ceil((log.flushedEndOffset - highWatermark) * action.share));
        break;
      }
      case 'move':
        [this.#leader, this.#other] = [this.#other, leader];
        await moving.move(leader, this.#leader, action.kept);
        break;
      case 'restart':
        await moving.move(leader, leader, 1);
        break;
      case 'doubt':
        leader.replication.leaderRefusal = 'NOT_LEADER_OR_FOLLOWER';
        this.#track(this.#fetch(leader, 0));
        leader.replication.leaderRefusal = 'NONE';
        leader.partition.changed();
        break;
      case 'lack':
        leader.replication.commitRefusal =
          leader.replication.commitRefusal === 'NONE' ? 'NOT_ENOUGH_REPLICAS' : 'NONE';
        break;
      case 'flush':
        await store.flushed();
        break;
      case 'turns':
        await turns();
    }
  }

  /** Everything comes to rest: what was told still holds, and everybody was answered. */
  async settle(): Promise<void> {
    const leader = this.#leader;
    leader.replication.commitRefusal = 'NONE';
    const replicating = setInterval(() => leader.replicate(), 1);
    try {
      await leader.groups.loaded();
      await Promise.all(this.#open);
      for (let group = 0; group < GROUPS; group++) {
        expect(await this.#fetch(leader, group)).toBe(ErrorCode.NONE);
      }
      await this.#join(leader);
    } finally {
      clearInterval(replicating);
      await this.moving.stop();
    }
  }

  async #commit(node: Node, group: number): Promise<void> {
    const offset = this.#offsets++;
    if ((await node.commit(`g${group}`, offset)) !== ErrorCode.NONE) return;
    this.told[group] = Math.max(this.told[group]!, offset);
  }

  async #fetch(node: Node, group: number): Promise<number> {
    const atLeast = this.told[group]!;
    const { errorCode, offset } = await node.fetch(`g${group}`);
    if (errorCode !== ErrorCode.NONE) return errorCode;
    expect(offset, `g${group} goes back`).toBeGreaterThanOrEqual(atLeast);
    this.told[group] = Math.max(this.told[group]!, offset);
    return errorCode;
  }

  /** Alone in its group: generations that were told to be assigned only grow. */
  async #join(node: Node): Promise<void> {
    this.#joining = true;
    try {
      const first = await node.join(this.#memberId);
      if (first.errorCode === ErrorCode.UNKNOWN_MEMBER_ID) this.#memberId = '';
      if (first.errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.#memberId = first.memberId;
      if (first.errorCode !== ErrorCode.NONE) return;
      const { generationId = -1, memberId } = first;
      expect(generationId, 'generations go back').toBeGreaterThan(this.toldGeneration);
      const { errorCode } = await node.sync(memberId, generationId);
      if (errorCode === ErrorCode.NONE) this.toldGeneration = generationId;
    } finally {
      this.#joining = false;
    }
  }

  #track(work: Promise<unknown>): void {
    const tracked = work.then(() => void this.#open.delete(tracked));
    this.#open.add(tracked);
    // A failed expectation is reported by `settle`.
    tracked.catch(() => {});
  }
}

test('wherever the coordinator moves, no answer is older than one before it, and everybody is answered', async () => {
  await fc.assert(
    fc.asyncProperty(actions, async (all) => {
      const world = new World();
      for (const action of all) await world.apply(action);
      await world.settle();
    }),
    { numRuns: 150 },
  );
});
