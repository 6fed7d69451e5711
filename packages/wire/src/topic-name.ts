const CHARS_MAX = 249;

/** Kafka's rule for topic names, for schemas. `illegalTopicName` says what is wrong. */
export const TOPIC_NAME = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/;

/** Why a topic may not be called this, or undefined when it may (Kafka's rules). */
export function illegalTopicName(name: string): string | undefined {
  if (TOPIC_NAME.test(name)) return undefined;
  if (name === '') return 'the topic name is empty';
  if (name === '.' || name === '..') return `the topic name may not be "${name}"`;
  if (name.length > CHARS_MAX) {
    return `the topic name has ${name.length} characters, at most ${CHARS_MAX} are allowed`;
  }
  return `the topic name ${JSON.stringify(name)} has characters other than letters, digits, ".", "_" and "-"`;
}
