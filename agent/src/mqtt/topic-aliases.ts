import { MqttFault, Reason } from './protocol.ts';

/** Told to each client of MQTT 5.0 in CONNACK. */
export const TOPIC_ALIAS_MAX = 64;
/** Characters of all topics that one connection has given aliases. */
const CHARS_MAX = 64 * 1024;

/** The topic aliases of one connection [MQTT5-3.3.2.3.4]. */
export class TopicAliases {
  readonly #topics = new Map<number, string>();
  #chars = 0;

  /** The topic that a PUBLISH with this alias means: its own, which is kept, or if that is empty the one kept before. */
  resolve(alias: number, topic: string): string {
    const known = this.#topics.get(alias);
    if (topic === '') {
      if (known !== undefined) return known;
      throw new MqttFault(Reason.TOPIC_ALIAS_INVALID, `topic alias ${alias} was never given a topic`);
    }
    if (alias < 1 || alias > TOPIC_ALIAS_MAX) {
      throw new MqttFault(
        Reason.TOPIC_ALIAS_INVALID,
        `topic alias ${alias} is not one of 1 to ${TOPIC_ALIAS_MAX}`,
      );
    }
    if (known === topic) return topic;
    this.#chars += topic.length - (known?.length ?? 0);
    if (this.#chars > CHARS_MAX) {
      throw new MqttFault(Reason.QUOTA_EXCEEDED, `topics with aliases are over ${CHARS_MAX} characters`);
    }
    this.#topics.set(alias, topic);
    return topic;
  }
}
