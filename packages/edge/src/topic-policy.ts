import { z } from 'zod';

/** What becomes of a topic's readings when the disk budget is used up: new ones are refused, or the oldest are given up. */
export const WHEN_FULL = ['reject', 'drop-oldest'] as const;
export type WhenFull = (typeof WHEN_FULL)[number];

/** In what order a topic's backlog and its fresh readings reach the hub: all in one, or fresh ones beside the backlog, each in its order. */
export const LANES = ['in-order', 'live-first'] as const;

const PATTERN = /^[a-zA-Z0-9._*-]{1,249}$/;

/** One entry of the section `topics`; the first one whose pattern matches a Kafka topic is that topic's. */
export const topicPolicySchema = z.strictObject({
  /** Kafka topic, or a pattern in which `*` stands for any characters. */
  topic: z
    .string()
    .regex(PATTERN, 'expected a Kafka topic name: 1 to 249 of a-z A-Z 0-9 . _ -, and * for any of them'),
  whenFull: z.enum(WHEN_FULL).default('reject'),
  /** Higher is sent first; nobody starves (packages/sync, I11). */
  priority: z.number().int().min(-1000).max(1000).default(0),
  lane: z.enum(LANES).default('in-order'),
});

export type TopicPolicy = z.output<typeof topicPolicySchema>;

const DEFAULTS: Omit<TopicPolicy, 'topic'> = { whenFull: 'reject', priority: 0, lane: 'in-order' };

/** Which policy holds for a topic. */
export class TopicPolicies {
  /** By topic, as they were looked up. */
  readonly #known = new Map<string, TopicPolicy>();
  #entries: readonly { matches: RegExp; policy: TopicPolicy }[] = [];

  constructor(policies: readonly TopicPolicy[] = []) {
    this.set(policies);
  }

  /** In the place of those before. */
  set(policies: readonly TopicPolicy[]): void {
    this.#known.clear();
    this.#entries = policies.map((policy) => ({ matches: patternOf(policy.topic), policy }));
  }

  of(topic: string): TopicPolicy {
    let policy = this.#known.get(topic);
    if (policy === undefined) {
      policy = this.#entries.find(({ matches }) => matches.test(topic))?.policy ?? { topic, ...DEFAULTS };
      this.#known.set(topic, policy);
    }
    return policy;
  }
}

function patternOf(topic: string): RegExp {
  const parts = topic.split('*').map((part) => part.replaceAll('.', '\\.'));
  return new RegExp(`^${parts.join('.*')}$`);
}
