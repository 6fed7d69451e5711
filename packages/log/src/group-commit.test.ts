import { expect, test } from 'vitest';
import { GroupCommit } from './group-commit.ts';

/** A group commit whose commits become durable when the test says so. */
function start() {
  const commits: PromiseWithResolvers<void>[] = [];
  const told: string[] = [];
  const fatal: Error[] = [];
  const group = new GroupCommit({
    onFatal: (error) => fatal.push(error),
    cut: () => {
      const durable = Promise.withResolvers<void>();
      const number = commits.push(durable);
      return { durable: durable.promise, onFlushed: () => told.push(`flushed ${number}`) };
    },
  });
  const enqueue = (name: string, bytes = 10) =>
    group.enqueue(bytes).then(
      () => told.push(name),
      (error) => told.push(`${name}: ${error.code}`),
    );
  return { group, commits, told, fatal, enqueue };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('groups are told in order, each after its commit and all earlier ones', async () => {
  const { group, commits, told, enqueue } = start();
  void enqueue('a');
  void enqueue('b');
  await turn();
  void enqueue('c');
  await turn();
  expect([commits.length, group.pendingBytes]).toEqual([2, 30]);
  commits[1]!.resolve();
  await turn();
  expect(told).toEqual([]);
  commits[0]!.resolve();
  await turn();
  expect(told).toEqual(['flushed 1', 'a', 'b', 'flushed 2', 'c']);
  expect([group.pendingBytes, group.commits]).toEqual([0, 2]);
});

test('no more than two groups are in flight; what comes meanwhile waits together', async () => {
  const { commits, told, enqueue } = start();
  for (const name of ['a', 'b', 'c', 'd']) {
    void enqueue(name);
    await turn();
  }
  expect(commits).toHaveLength(2);
  commits[0]!.resolve();
  await turn();
  await turn();
  expect(commits).toHaveLength(3);
  commits[1]!.resolve();
  commits[2]!.resolve();
  await turn();
  expect(told.slice(-3)).toEqual(['flushed 3', 'c', 'd']);
});

test('the first failure rejects all that waits and all that comes, and is reported once', async () => {
  const { group, commits, told, fatal, enqueue } = start();
  void enqueue('a');
  await turn();
  void enqueue('b');
  await turn();
  void enqueue('c');
  commits[1]!.reject(new Error('no space left'));
  await turn();
  void enqueue('d');
  commits[0]!.resolve();
  await turn();
  expect(told.sort()).toEqual(['a', 'b', 'c', 'd'].map((name) => `${name}: STORE_FAILED`));
  expect(fatal).toHaveLength(1);
  expect(fatal[0]!.message).toContain('no space left');
  expect(group.pendingBytes).toBe(0);
  await expect(group.flushed()).rejects.toMatchObject({ code: 'STORE_FAILED' });
});

test('who says that nothing more follows in this turn has the commit made at once', async () => {
  const prompt = start();
  void prompt.enqueue('a');
  prompt.group.turnEnds();
  expect(prompt.commits).toHaveLength(1);
  await turn();
  expect(prompt.commits).toHaveLength(1);
});
