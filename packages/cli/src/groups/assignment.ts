import { array, bytes, decodeMessage, int32, message, string } from '@edgelog/wire';

const ASSIGNMENT_VERSION_MAX = 3;

/** Kafka's ConsumerProtocolAssignment; its versions differ in name only. */
const consumerAssignment = message({
  name: 'ConsumerProtocolAssignment',
  versions: [0, ASSIGNMENT_VERSION_MAX],
  fields: {
    assignedPartitions: array({ topic: string(), partitions: array(int32()) }),
    userData: bytes({ nullable: 0 }),
  },
});

export interface AssignedPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Partitions of a member of a `consumer` group. Members that have none yet have no bytes at all. */
export function readAssignment(assignment: Buffer): AssignedPartition[] {
  if (assignment.length < 2) return [];
  const version = Math.min(assignment.readInt16BE(0), ASSIGNMENT_VERSION_MAX);
  const { assignedPartitions } = decodeMessage(consumerAssignment, version, assignment, 2);
  return assignedPartitions.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}
