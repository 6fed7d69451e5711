import { createHash } from 'node:crypto';
import { TOPIC_NAME } from '@edgelog/wire';

const LENGTH_MAX = 249;
const DIGEST_LENGTH = 8;

/**
 * The topic name that stands for a text that may not be one, always the same for the same text: `/` becomes `.`, any other
 * character that is not allowed `_`, and what is too long is cut, with a digest of the whole behind it. Two underscores at the
 * beginning are Kafka's own topics, which no device may write to: `-_`.
 */
export function toTopicName(text: string): string {
  if (TOPIC_NAME.test(text) && !text.startsWith('__')) return text;
  const legal = text
    .replaceAll('/', '.')
    .replace(/[^a-zA-Z0-9._-]/g, '_')
    .replace(/^__/, '-_');
  if (legal === '' || legal === '.' || legal === '..') return '_';
  if (legal.length <= LENGTH_MAX) return legal;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, DIGEST_LENGTH);
  return `${legal.slice(0, LENGTH_MAX - 1 - DIGEST_LENGTH)}-${digest}`;
}
