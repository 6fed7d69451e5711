import { readConsumerAssignment } from '@edgelog/wire';

export interface AssignedPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Partitions of a member of a `consumer` group. */
export function readAssignment(assignment: Buffer): AssignedPartition[] {
  return readConsumerAssignment(assignment).flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}
