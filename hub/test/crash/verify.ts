import type { RawClient } from '../support/raw-client.ts';
import type { Book } from './book.ts';
import { checkCompacted, settleCompacted } from './check-compacted.ts';
import { checkPartition } from './check-partition.ts';
import { checkTopic } from './check-topic.ts';
import { observeCommit, observeCompacted, observePartition, observeTopics } from './observe.ts';
import type { PartitionLedger } from './partition-ledger.ts';

/** What a look at the whole hub found. */
export interface Verdict {
  violations: string[];
  batches: number;
}

/** Reads everything that the hub holds while no other client is there, and compares it with the book; then the book is that. */
export async function verify(client: RawClient, book: Book): Promise<Verdict> {
  const violations = [...book.violations];
  const topics = await observeTopics(client);
  for (const name of new Set([...book.topics.keys(), ...topics.keys()])) {
    const problem = checkTopic(name, book.topic(name).values, topics.get(name));
    if (problem !== undefined) violations.push(problem);
    book.topic(name).settle(topics.get(name));
    if (!topics.has(name)) book.forget(name);
  }
  let batches = 0;
  for (const [topic, { partitions }] of topics)
    for (let index = 0; index < partitions; index++) {
      const ledger = book.partition(topic, index);
      const { problems, count } = await verifyPartition(client, ledger);
      violations.push(...problems);
      batches += count;
    }
  for (const { groupId, topic, index, ledger } of book.commits.values()) {
    const committed = await observeCommit(client, groupId, topic, index);
    const problem = ledger.check(committed);
    if (problem !== undefined) violations.push(problem);
    ledger.settle(committed);
  }
  return { violations, batches };
}

async function verifyPartition(
  client: RawClient,
  ledger: PartitionLedger,
): Promise<{ problems: string[]; count: number }> {
  const { topic, index, keeping } = ledger;
  if (keeping.isCompacted === true) {
    const observed = await observeCompacted(client, topic, index);
    const problems = checkCompacted(ledger, observed);
    settleCompacted(ledger, observed);
    return { problems, count: observed.batches.length };
  }
  const observed = await observePartition(client, topic, index);
  const problems = checkPartition(ledger, observed);
  ledger.settle(observed.logStartOffset, observed.batches);
  return { problems, count: observed.batches.length };
}
