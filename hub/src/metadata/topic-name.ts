export const TOPIC_NAME_CHARS_MAX = 249;

/** Kafka's own topics: served to readers, closed to everyone else's appends and deletions. */
export const OFFSETS_TOPIC = '__consumer_offsets';
export const INTERNAL_TOPICS: ReadonlySet<string> = new Set([OFFSETS_TOPIC, '__transaction_state']);

/** Where a Kafka cluster keeps its metadata; a hub has its own way. */
export const METADATA_TOPIC = '__cluster_metadata';

/** Why a topic may not be called this, or undefined when it may (Kafka's rules). */
export function illegalTopicName(name: string): string | undefined {
  if (name === '') return 'the topic name is empty';
  if (name === '.' || name === '..') return `the topic name may not be "${name}"`;
  if (name.length > TOPIC_NAME_CHARS_MAX) {
    return `the topic name has ${name.length} characters, at most ${TOPIC_NAME_CHARS_MAX} are allowed`;
  }
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return `the topic name ${JSON.stringify(name)} has characters other than letters, digits, ".", "_" and "-"`;
  }
  return undefined;
}
