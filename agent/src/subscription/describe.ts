import { ReasonCodes } from 'mqtt';

/** mqtt.js reports a refused connection to several addresses without a message; OpenSSL's messages are lists of where in it. */
export function describe(error: Error | undefined): string {
  if (error === undefined) return 'the connection was closed';
  if ('reason' in error && typeof error.reason === 'string') return `TLS: ${error.reason}`;
  const inner = error instanceof AggregateError ? error.errors[0] : undefined;
  return error.message || (inner instanceof Error ? inner.message : error.name);
}

/** What a broker says by a reason code of MQTT 5.0, or by a return code before that. */
export function describeReason(code = 0): string {
  return (ReasonCodes as Record<number, string>)[code] || `reason ${code}`;
}
