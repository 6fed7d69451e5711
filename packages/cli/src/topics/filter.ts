import { EdgelogError } from '@edgelog/base';
import { check, type KafkaCluster, type TopicMetadata } from '@edgelog/client';
import { ErrorCode } from '@edgelog/wire';

/** Whether a word can only be the name of a topic. */
export function isLiteral(word: string): boolean {
  return /^[a-zA-Z0-9._-]+$/.test(word);
}

/**
 * The topics that words name, sorted; all of them without words. As in Kafka's tools a word may be a regular expression, which
 * one of letters, digits, dots, dashes and underscores alone never is here. Throws REFUSED for a topic that does not exist,
 * unless `mayMiss`.
 */
export async function findTopics(
  cluster: KafkaCluster,
  words: readonly string[],
  { mayMiss = false, withInternal = true } = {},
): Promise<TopicMetadata[]> {
  const literals = words.filter(isLiteral);
  const patterns = words.filter((word) => !isLiteral(word)).map(toPattern);
  const wantsAll = words.length === 0 || patterns.length > 0;
  const { topics } = await cluster.metadata(wantsAll ? null : literals);
  if (!mayMiss) {
    for (const { errorCode, name } of topics) if (!wantsAll) check(errorCode, `topic ${name}`);
    const missing = literals.find((word) => topics.every(({ name }) => name !== word));
    if (missing !== undefined) check(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `topic ${missing}`);
  }
  return topics
    .filter(({ errorCode, name, isInternal }) => {
      if (errorCode !== ErrorCode.NONE || name === null) return false;
      if (literals.includes(name)) return true;
      if (isInternal && !withInternal) return false;
      return words.length === 0 || patterns.some((pattern) => pattern.test(name));
    })
    .sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
}

function toPattern(word: string): RegExp {
  try {
    return new RegExp(`^(?:${word})$`);
  } catch (cause) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `--topic = ${JSON.stringify(word)}: neither a topic nor a regular expression`,
      { cause },
    );
  }
}
