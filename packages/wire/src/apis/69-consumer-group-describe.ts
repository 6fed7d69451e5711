import { array, bool, int8, int16, int32, string, struct, uuid } from '../schema/field.ts';
import { api } from '../schema/message.ts';

const assignment = () =>
  struct({ topicPartitions: array({ topicId: uuid(), topicName: string(), partitions: array(int32()) }) });

/**
 * State, members and assignments of KIP-848 groups. 1 tells members of the classic protocol from others.
 */
export const consumerGroupDescribe = api({
  name: 'ConsumerGroupDescribe',
  key: 69,
  versions: [0, 1],
  flexible: 0,
  request: {
    groupIds: array(string()),
    includeAuthorizedOperations: bool(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ nullable: 0, default: null }),
      groupId: string(),
      groupState: string(),
      groupEpoch: int32(),
      assignmentEpoch: int32(),
      assignorName: string(),
      members: array({
        memberId: string(),
        instanceId: string({ nullable: 0, default: null }),
        rackId: string({ nullable: 0, default: null }),
        memberEpoch: int32(),
        clientId: string(),
        clientHost: string(),
        subscribedTopicNames: array(string()),
        subscribedTopicRegex: string({ nullable: 0, default: null }),
        assignment: assignment(),
        targetAssignment: assignment(),
        memberType: int8({ since: 1, default: -1, ignorable: true }),
      }),
      authorizedOperations: int32({ default: -(2 ** 31) }),
    }),
  },
});
