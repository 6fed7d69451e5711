import type { ApiName, RequestOf, ResponseOf } from '@edgelog/wire';
import { servedVersions } from './18-api-versions.ts';

/** The response that says one error about everything a request asked for. */
export type Failures = {
  readonly [N in ApiName]?: (request: RequestOf<N>, errorCode: number) => ResponseOf<N>;
};

const INTERNAL_ERROR = "internal error; see the hub's log";

const unaltered =
  (errorCode: number) =>
  ({ resourceType, resourceName }: { resourceType: number; resourceName: string }) => ({
    errorCode,
    errorMessage: INTERNAL_ERROR,
    resourceType,
    resourceName,
  });

/** For a handler that failed. Where an API has no place for an error the connection is closed instead. */
export const failures: Failures = {
  produce: ({ topicData, acks }, errorCode) => ({
    responses:
      acks === 0
        ? []
        : topicData.map(({ name, topicId, partitionData }) => ({
            name,
            topicId,
            partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1 })),
          })),
  }),
  fetch: ({ topics }, errorCode) => ({
    errorCode,
    responses: topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition }) => ({
        partitionIndex: partition,
        errorCode,
        highWatermark: -1,
        abortedTransactions: null,
        records: null,
      })),
    })),
  }),
  listOffsets: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }),
  offsetCommit: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }),
  createTopics: ({ topics }, errorCode) => ({
    topics: topics.map(({ name }) => ({
      name,
      errorCode,
      errorMessage: INTERNAL_ERROR,
    })),
  }),
  deleteRecords: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode })),
    })),
  }),
  alterConfigs: ({ resources }, errorCode) => ({ responses: resources.map(unaltered(errorCode)) }),
  incrementalAlterConfigs: ({ resources }, errorCode) => ({
    responses: resources.map(unaltered(errorCode)),
  }),
  describeLogDirs: (_, errorCode) => ({ errorCode, results: [] }),
  createPartitions: ({ topics }, errorCode) => ({
    results: topics.map(({ name }) => ({ name, errorCode })),
  }),
  joinGroup: ({ memberId }, errorCode) => ({
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: '',
    leader: '',
    memberId,
    members: [],
  }),
  syncGroup: (_, errorCode) => ({
    errorCode,
    protocolType: null,
    protocolName: null,
    assignment: Buffer.alloc(0),
  }),
  heartbeat: (_, errorCode) => ({ errorCode }),
  leaveGroup: (_, errorCode) => ({ errorCode }),
  listGroups: (_, errorCode) => ({ errorCode, groups: [] }),
  describeGroups: ({ groups }, errorCode) => ({
    groups: groups.map((groupId) => ({
      errorCode,
      groupId,
      groupState: '',
      protocolType: '',
      protocolData: '',
      members: [],
    })),
  }),
  deleteGroups: ({ groupsNames }, errorCode) => ({
    results: groupsNames.map((groupId) => ({ groupId, errorCode })),
  }),
  offsetDelete: (_, errorCode) => ({ errorCode, topics: [] }),
  apiVersions: (_, errorCode) => ({ errorCode, ...servedVersions }),
  consumerGroupHeartbeat: (_, errorCode) => ({
    errorCode,
    memberEpoch: 0,
    heartbeatIntervalMs: 0,
    assignment: null,
  }),
  alterPartitionReassignments: (_, errorCode) => ({
    errorCode,
    errorMessage: INTERNAL_ERROR,
    responses: [],
  }),
  unregisterBroker: (_, errorCode) => ({ errorCode, errorMessage: INTERNAL_ERROR }),
  initProducerId: (_, errorCode) => ({ errorCode, producerEpoch: -1 }),
  openRun: (_, errorCode) => ({ errorCode }),
  appendRuns: (_, errorCode) => ({ errorCode, results: [] }),
  challengeGateway: (_, errorCode) => ({ errorCode }),
};
