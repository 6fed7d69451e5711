import type { Api } from '../schema/message.ts';

const METADATA_KEY = 3;
/** First version without `includeClusterAuthorizedOperations`, so one byte shorter. */
const WITHOUT_CLUSTER_OPERATIONS = 11;
const COUNT_PADDING = 3;

/**
 * Where a request's body begins when its client is known to write it wrongly, otherwise `bodyAt`. Kafka ignores bytes after
 * a message, so such errors live on in clients; we refuse those bytes everywhere else.
 *
 * librdkafka (seen in 2.16.0) asks for all topics in a flexible Metadata request with four zero bytes as the count, where
 * one means null. No body that is right begins so and is as long.
 */
export function bodyStart(api: Api, version: number, frame: Buffer, bodyAt: number): number {
  if (api.key !== METADATA_KEY || version < api.flexible) return bodyAt;
  const length = version < WITHOUT_CLUSTER_OPERATIONS ? 8 : 7;
  const isPadded =
    frame.length - bodyAt === length && frame.readInt32BE(bodyAt) === 0 && frame[frame.length - 1] === 0;
  return isPadded ? bodyAt + COUNT_PADDING : bodyAt;
}
