import type { Topic } from './topics.ts';

/** What a topic's configs say of the timestamps in its records. */
export interface TimestampRules {
  readonly isAppendTime: boolean;
  readonly beforeMaxMs: number;
  readonly afterMaxMs: number;
}

/** By the configs they were read from, which are replaced when they change: a produce request asks for each batch. */
const known = new WeakMap<Topic['configs'], TimestampRules>();

export function timestampRules({ configs }: Pick<Topic, 'configs'>): TimestampRules {
  const existing = known.get(configs);
  if (existing !== undefined) return existing;
  const rules = {
    isAppendTime: configs['message.timestamp.type'] === 'LogAppendTime',
    beforeMaxMs: Number(configs['message.timestamp.before.max.ms'] ?? Number.POSITIVE_INFINITY),
    afterMaxMs: Number(configs['message.timestamp.after.max.ms'] ?? Number.POSITIVE_INFINITY),
  };
  known.set(configs, rules);
  return rules;
}
