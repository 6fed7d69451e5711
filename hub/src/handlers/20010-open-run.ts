import type { Handler } from './handler.ts';

/** OpenRun: a gateway's run, for another broker that has the gateway. Waits until all that the log has of the run is committed. */
export const openRun: Handler<'openRun'> = async ({ producerId, topicId, partitionIndex }, { broker }) => {
  const opened = await broker.runLeader.openFor(producerId, topicId, partitionIndex);
  if (!opened.ok) return { refusal: opened.code, message: opened.message };
  const { opening, position } = opened;
  const { leaderEpoch, number } = opening;
  return { leaderEpoch, opening: number, nextOffset: position?.next ?? -1, crc: position?.crc ?? 0 };
};
