import { ErrorCode, errorName, ZERO_UUID } from '@edgelog/wire';

/** Fields that two brokers never have in common, and words for people. */
const LEFT_OUT = new Set([
  'throttleTimeMs',
  'errorMessage',
  'batchIndexErrorMessage',
  'documentation',
  'host',
  'port',
  'clusterId',
  'logDir',
  'totalBytes',
  'usableBytes',
  'sessionId',
  'lastTimestamp',
]);

/** Kafka fills these in with some errors and not with others; no client looks at them then. */
const UNTOLD_BY_FAILURES = new Set(['logStartOffset', 'recordErrors', 'abortedTransactions']);

/** Lists of numbers keep their order; others are sets that clients look things up in by name. */
function inOrder(items: unknown[]): unknown[] {
  if (items.every((item) => typeof item !== 'object')) return items;
  const keyed = items.map((item) => ({ item, key: JSON.stringify(item) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ item }) => item);
}

/** What is left of an answer for comparison: error codes by name, ids and times only by whether there is one. */
export function essence(value: unknown, key = ''): unknown {
  if (value === undefined) return 'connection closed';
  if (Buffer.isBuffer(value)) return `${value.length} bytes`;
  if (Array.isArray(value)) return inOrder(value.map((item) => essence(item, key)));
  if (typeof value === 'object' && value !== null) {
    const isFailed = 'errorCode' in value && value.errorCode !== ErrorCode.NONE;
    const kept = Object.entries(value).filter(
      ([name]) => !LEFT_OUT.has(name) && !(isFailed && UNTOLD_BY_FAILURES.has(name)),
    );
    return Object.fromEntries(kept.map(([name, field]) => [name, essence(field, name)]));
  }
  if (key === 'errorCode') return errorName(value as number);
  if (key === 'topicId') return value === ZERO_UUID ? 'no id' : 'id';
  if (key === 'logAppendTimeMs') return value === -1 ? -1 : 'time';
  if (key === 'producerId') return value === -1 ? -1 : 'id';
  return typeof value === 'bigint' ? String(value) : value;
}
