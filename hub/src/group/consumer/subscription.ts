import { createHash } from 'node:crypto';
import type { Shard } from '../state.ts';
import type { Step } from '../step.ts';
import { byText } from './assignors/assignor.ts';
import { emit } from './emit.ts';
import { Pattern } from './pattern.ts';
import type { ConsumerMember, ConsumerState } from './state.ts';
import type { TopicsView } from './topics.ts';

/** The names that a member subscribed to, those that its pattern matched among them. */
export function* namesOf({ patterns }: ConsumerState, { said }: ConsumerMember): Generator<string> {
  yield* said.subscribedTopicNames;
  yield* patterns.get(said.subscribedTopicRegex ?? '') ?? [];
}

export function subscribedNames(consumer: ConsumerState): Set<string> {
  const names = new Set<string>();
  for (const member of consumer.members.values())
    for (const name of namesOf(consumer, member)) names.add(name);
  return names;
}

/** Matches the patterns that members use against the topics there are, and forgets those that nobody uses. */
export function refreshPatterns(step: Step, shard: Shard, groupId: string, consumer: ConsumerState): void {
  const used = new Set<string>();
  for (const { said } of consumer.members.values())
    if (said.subscribedTopicRegex) used.add(said.subscribedTopicRegex);
  for (const regularExpression of [...consumer.patterns.keys()]) {
    if (used.has(regularExpression)) continue;
    emit(step, shard, { type: 'regularExpression', groupId, regularExpression, value: null });
  }
  for (const regularExpression of used) {
    const pattern = new Pattern(regularExpression);
    const names = [...step.topics.names()].filter((name) => pattern.matches(name)).sort(byText);
    const known = consumer.patterns.get(regularExpression);
    if (known?.length === names.length && known.every((name, i) => name === names[i])) continue;
    const value = { topics: names, version: 0, timestamp: step.now.wallMs };
    emit(step, shard, { type: 'regularExpression', groupId, regularExpression, value });
  }
}

/** Changes when a subscribed topic comes, goes, grows, or is another one under the old name; 0 without any. */
export function metadataHash(consumer: ConsumerState, topics: TopicsView): bigint {
  const lines: string[] = [];
  for (const name of subscribedNames(consumer)) {
    const topic = topics.get(name);
    if (topic) lines.push(`${name}:${topic.id}:${topic.partitions}`);
  }
  if (lines.length === 0) return 0n;
  return createHash('sha1').update(lines.sort(byText).join()).digest().readBigInt64BE(0);
}
