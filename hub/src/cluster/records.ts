import { z } from 'zod';

/** P/cluster: what distinguishes this cluster from all others, for ever. */
export const clusterRecord = z.strictObject({ id: z.string().min(1) });

/** P/controller. */
export const controllerRecord = z.strictObject({ brokerId: z.int().min(0) });

/** P/topics/NAME. Partitions from `partitions` on, should there be any, are about to be added. */
export const topicRecord = z.strictObject({
  id: z.uuid(),
  partitions: z.int().min(1),
  /** Only what was set for this topic. */
  configs: z.record(z.string(), z.string()),
  createdAtMs: z.int(),
});
export type TopicRecord = Readonly<z.output<typeof topicRecord>>;

/** P/producer-ids: all below were given to some broker. */
export const producerIdsRecord = z.strictObject({ nextBlock: z.int().min(0) });
