import type { RefusalCode } from './ports.ts';

/** WebSocket close codes [RFC6455-7.4.1] by the reason for which a session ends. */
const CLOSE_CODE: Record<RefusalCode, number> = {
  'duplicate-instance': 1008,
  'unsupported-version': 1008,
  unauthorized: 1008,
  'protocol-error': 1002,
  'illegal-topic': 1008,
  'topic-missing': 1008,
  'out-of-order': 1002,
  'corrupt-batch': 1002,
  'batch-too-large': 1009,
  'store-failed': 1011,
  'not-available': 1013,
  'shutting-down': 1001,
};

const REASON_BYTES_MAX = 123;

/** Arguments for `WebSocket.close`. */
export function closeArguments(code: RefusalCode, message: string): [code: number, reason: string] {
  return [CLOSE_CODE[code], closeReason(`${code}: ${message}`)];
}

/** A close frame has room for 123 bytes of reason. */
export function closeReason(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= REASON_BYTES_MAX) return text;
  // Cutting a character in half leaves U+FFFD, three bytes.
  return bytes
    .toString('utf8', 0, REASON_BYTES_MAX - 5)
    .replace(/\uFFFD$/u, '')
    .concat('…');
}
