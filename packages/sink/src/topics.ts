import { EdgelogError } from '@edgelog/base';
import { type Refusal, refuse, type SyncLog } from '@edgelog/sync';
import { illegalTopicName } from '@edgelog/wire';
import type { SinkCluster, SinkTopic, TopicSettings } from './cluster.ts';
import { type TopicFinding, topicFindings } from './findings.ts';
import { givenConfigs } from './new-topic.ts';
import type { SinkSettings } from './settings.ts';
import { type TopicPolicy, topicPolicy } from './topic-policy.ts';

export interface StreamTopic {
  readonly topic: SinkTopic;
  readonly policy: TopicPolicy;
}

interface Checked {
  readonly topicId: string;
  readonly policy: TopicPolicy;
  readonly findings: readonly TopicFinding[];
  readonly partitions: number;
  readonly checkedAt: number;
  /** When a run was last opened on it, or seen to be open. */
  usedAt: number;
}

export interface TopicsDeps {
  readonly cluster: SinkCluster;
  readonly settings: SinkSettings;
  readonly log: SyncLog;
  readonly monotonic: () => number;
}

const CHECK_AGAIN_MS = 60_000;
/** Settings of a topic that is in use are looked at again after so long, by one topic a second. */
const LOOK_AGAIN_MS = 2 * CHECK_AGAIN_MS;
/** A topic to which nobody has sent for so long is not looked at, nor told of, any more. */
const UNUSED_MS = 86_400_000;

/** Topics that streams feed: made where they are missing, if that is allowed, and looked at for what would go wrong. */
export class Topics {
  readonly #deps: TopicsDeps;
  readonly #checked = new Map<string, Checked>();
  /** `NAME=VALUE` of settings that the log has a warning of. */
  readonly #told = new Set<string>();
  #isLooking = false;

  constructor(deps: TopicsDeps) {
    this.#deps = deps;
  }

  *status(): Iterable<{ topic: string; partitions: number; findings: readonly TopicFinding[] }> {
    for (const [topic, { partitions, findings }] of this.#checked) yield { topic, partitions, findings };
  }

  policy(name: string): TopicPolicy | undefined {
    return this.#checked.get(name)?.policy;
  }

  async forStream(name: string, gateway: string): Promise<StreamTopic | Refusal> {
    const { cluster, settings, log } = this.#deps;
    const topic = (await cluster.topic(name)) ?? (await cluster.topic(name, true));
    if (topic !== undefined) return { topic, policy: await this.#check(topic) };
    if (!settings.sinkCreateTopics) {
      return refuse('topic-missing', `topic ${name} does not exist and may not be created for gateways`);
    }
    try {
      await cluster.createTopic(name, topicSettings(settings));
    } catch (error) {
      if (!(error instanceof EdgelogError) || error.code !== 'REFUSED') throw error;
      return refuse('topic-missing', error.message);
    }
    log.info('topic created for a gateway', { topic: name, gateway });
    const created = await cluster.topic(name, true);
    if (created === undefined) return refuse('not-available', `topic ${name} is not there yet`);
    return { topic: created, policy: await this.#check(created) };
  }

  /**
   * Looks at the settings of one topic, the one that was not looked at for the longest time, if that is long enough ago. Answers its name if
   * they mean something else for runs than before. A cluster that cannot be asked changes nothing.
   */
  async lookAgain(isUsed: (topic: string) => boolean): Promise<string | undefined> {
    const { cluster, monotonic } = this.#deps;
    let oldest: [name: string, checked: Checked] | undefined;
    for (const one of this.#checked)
      if (oldest === undefined || one[1].checkedAt < oldest[1].checkedAt) oldest = one;
    if (this.#isLooking || oldest === undefined || monotonic() - oldest[1].checkedAt < LOOK_AGAIN_MS) return;
    const [name, known] = oldest;
    if (isUsed(name)) known.usedAt = monotonic();
    if (monotonic() - known.usedAt >= UNUSED_MS) {
      this.#checked.delete(name);
      return;
    }
    this.#isLooking = true;
    try {
      const topic = await cluster.topic(name);
      if (topic === undefined) {
        this.#checked.delete(name);
        return;
      }
      const policy = await this.#check(topic, known.usedAt);
      const isOther = (Object.keys(policy) as (keyof TopicPolicy)[]).some(
        (key) => policy[key] !== known.policy[key],
      );
      return isOther ? name : undefined;
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      const last = this.#checked.get(name);
      if (last !== undefined) this.#checked.set(name, { ...last, checkedAt: monotonic() });
      return;
    } finally {
      this.#isLooking = false;
    }
  }

  async #check(topic: SinkTopic, usedAt = this.#deps.monotonic()): Promise<TopicPolicy> {
    const { cluster, log, monotonic } = this.#deps;
    const known = this.#checked.get(topic.name);
    const isFresh = known?.topicId === topic.id && monotonic() - known.checkedAt < CHECK_AGAIN_MS;
    if (isFresh) {
      known.usedAt = Math.max(known.usedAt, usedAt);
      return known.policy;
    }
    const configs = await cluster.configs(topic);
    const findings = topicFindings(configs);
    for (const { severity, setting, value, says, advice } of findings) {
      // Once, however many topics have it: /status has them all.
      if (severity === 'note' || this.#told.has(`${setting}=${value}`)) continue;
      this.#told.add(`${setting}=${value}`);
      log.warn('a topic is not set for what gateways send', {
        topic: topic.name,
        setting,
        value,
        says,
        advice,
      });
    }
    const policy = topicPolicy(configs);
    const [topicId, partitions, checkedAt] = [topic.id, topic.partitions.length, monotonic()];
    this.#checked.set(topic.name, { topicId, policy, findings, partitions, checkedAt, usedAt });
    return policy;
  }
}

function topicSettings(settings: SinkSettings): TopicSettings {
  const { sinkPartitions: partitions, sinkReplication: replication } = settings;
  return { partitions, replication, configs: givenConfigs(settings) };
}

/** Kafka's own. */
const INTERNAL = /^__/;

/** Why no gateway may feed a topic of this name; undefined: it may. */
export function illegalTopic(name: string, own: readonly string[]): string | undefined {
  if (INTERNAL.test(name) || own.includes(name)) return `topic ${name} is not for gateways`;
  return illegalTopicName(name);
}
