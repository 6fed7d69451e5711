import { array, int16, int32, int64, records, string, struct, uuid } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Appends record batches. `acks` 0 gets no response at all.
 *
 * Versions 0 to 2 are advertised, because older librdkafka drops compression otherwise, and refused. Flexible from 9;
 * 8 reports errors per record; 10 tells the current leader; 12 is for transactions without AddPartitionsToTxn [KIP-890];
 * 13 names topics by id.
 */
export const produce = api({
  name: 'Produce',
  key: 0,
  versions: [3, 13],
  advertised: [0, 13],
  flexible: 9,
  request: {
    transactionalId: string({ nullable: 0, default: null }),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array({
      name: string({ until: 12, ignorable: true }),
      topicId: uuid({ since: 13, ignorable: true }),
      partitionData: array({
        index: int32(),
        records: records({ nullable: 0 }),
      }),
    }),
  },
  response: {
    responses: array({
      name: string({ until: 12, ignorable: true }),
      topicId: uuid({ since: 13, ignorable: true }),
      partitionResponses: array({
        index: int32(),
        errorCode: int16(),
        baseOffset: int64(),
        logAppendTimeMs: int64({ default: -1 }),
        logStartOffset: int64({ since: 5, default: -1, ignorable: true }),
        recordErrors: array(
          {
            batchIndex: int32(),
            batchIndexErrorMessage: string({ nullable: 0, default: null }),
          },
          { since: 8, ignorable: true },
        ),
        errorMessage: string({ since: 8, nullable: 8, default: null, ignorable: true }),
        currentLeader: struct(
          {
            leaderId: int32({ default: -1 }),
            leaderEpoch: int32({ default: -1 }),
          },
          { tagged: { tag: 0, since: 10 } },
        ),
      }),
    }),
    throttleTimeMs: int32({ default: 0 }),
    nodeEndpoints: array(
      {
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullable: 0, default: null }),
      },
      { tagged: { tag: 0, since: 10 } },
    ),
  },
});
