import type { RawClient } from '../support/raw-client.ts';
import type { Book } from './book.ts';
import { checkPartition } from './check-partition.ts';
import { checkTopic } from './check-topic.ts';
import { observeCommit, observePartition, observeTopics } from './observe.ts';

/** What a look at the whole hub found. */
export interface Verdict {
  violations: string[];
  batches: number;
  bytes: number;
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
  let bytes = 0;
  for (const [topic, { partitions }] of topics)
    for (let index = 0; index < partitions; index++) {
      const ledger = book.partition(topic, index);
      const observed = await observePartition(client, topic, index);
      violations.push(...checkPartition(ledger, observed));
      ledger.settle(observed.logStartOffset, observed.batches);
      batches += observed.batches.length;
      bytes += observed.batches.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    }
  for (const { groupId, topic, index, ledger } of book.commits.values()) {
    const committed = await observeCommit(client, groupId, topic, index);
    const problem = ledger.check(committed);
    if (problem !== undefined) violations.push(problem);
    ledger.settle(committed);
  }
  return { violations, batches, bytes };
}
