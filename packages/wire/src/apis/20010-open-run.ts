import { int16, int32, int64, string, uuid } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Asks the leader of the partition that a gateway's run feeds where the run stands: answered once all that its log has of the run is
 * committed. Between brokers only.
 */
export const openRun = api({
  name: 'OpenRun',
  key: 20_010,
  versions: [0, 0],
  flexible: 0,
  isInternal: true,
  request: {
    producerId: int64(),
    /** Where the asking broker has the run; the leader waits until it knows as much. */
    topicId: uuid(),
    partitionIndex: int32(),
  },
  response: {
    errorCode: int16({ default: 0 }),
    /** A refusal of the sync protocol, null where the run is open. */
    refusal: string({ nullable: 0, default: null }),
    message: string({ default: '' }),
    /** Appends are taken in this epoch of the leader only, */
    leaderEpoch: int32({ default: -1 }),
    /** and under this opening, until there is another. */
    opening: int64({ default: -1 }),
    /** Edge offset after the last committed one, −1 where nothing of the run is here. */
    nextOffset: int64({ default: -1 }),
    /** CRC of the batch that ends there, unsigned. */
    crc: int64({ default: 0 }),
  },
});
