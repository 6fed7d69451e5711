/** A topic as its operator knows it; undefined where there is none. */
export interface TopicState {
  /** Undefined while no answer told it. */
  topicId: string | undefined;
  partitions: number;
  /** What was set for this topic. */
  configs: Readonly<Record<string, string>>;
}

/** Why a topic cannot be as it was found, given all that it may be; undefined when it can. */
export function checkTopic(
  name: string,
  possible: readonly (TopicState | undefined)[],
  observed: TopicState | undefined,
): string | undefined {
  if (possible.some((state) => isSame(state, observed))) return undefined;
  const all = possible.map((state) => JSON.stringify(state) ?? 'none').join(' or ');
  return `topic ${name}: found ${JSON.stringify(observed) ?? 'none'}, should be ${all}`;
}

function isSame(expected: TopicState | undefined, observed: TopicState | undefined): boolean {
  if (expected === undefined || observed === undefined) return expected === observed;
  const { topicId, partitions, configs } = expected;
  return (
    (topicId === undefined || topicId === observed.topicId) &&
    partitions === observed.partitions &&
    sorted(configs) === sorted(observed.configs)
  );
}

const sorted = (configs: TopicState['configs']): string => JSON.stringify(Object.entries(configs).sort());
