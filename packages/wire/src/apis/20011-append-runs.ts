import { array, int16, int32, int64, records, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Batches of gateways' runs for the leader of their partitions, unchanged; those of one run in order. Answered when all are committed or
 * refused. Between brokers only.
 */
export const appendRuns = api({
  name: 'AppendRuns',
  key: 20_011,
  versions: [0, 0],
  flexible: 0,
  isInternal: true,
  request: {
    appends: array({
      producerId: int64(),
      /** In which the run was opened, and the number of that opening. */
      leaderEpoch: int32(),
      opening: int64(),
      batch: records(),
    }),
  },
  response: {
    errorCode: int16({ default: 0 }),
    /** One for each append, in order. */
    results: array({
      /** A refusal of the sync protocol, null where the batch is committed. */
      refusal: string({ nullable: 0, default: null }),
      message: string({ default: '' }),
      nextOffset: int64({ default: -1 }),
      crc: int64({ default: 0 }),
    }),
  },
});
