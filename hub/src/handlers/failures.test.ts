import { type Api, type ApiName, apis, encodeResponse } from '@edgelog/wire';
import { expect, test } from 'vitest';
import { failures } from './failures.ts';

/** Lists with one element each, so that the nested parts are built too. */
const requests: Partial<Record<ApiName, object>> = {
  produce: { acks: 1, topicData: [{ name: 't', topicId: undefined, partitionData: [{ index: 0 }] }] },
  fetch: { topics: [{ topic: 't', topicId: undefined, partitions: [{ partition: 0 }] }] },
  listOffsets: { topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] },
  offsetCommit: { topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] },
  createTopics: { topics: [{ name: 't' }] },
  deleteRecords: { topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] },
  alterConfigs: { resources: [{ resourceType: 2, resourceName: 't' }] },
  incrementalAlterConfigs: { resources: [{ resourceType: 2, resourceName: 't' }] },
  createPartitions: { topics: [{ name: 't' }] },
  joinGroup: { memberId: 'm' },
  describeGroups: { groups: ['g'] },
  deleteGroups: { groupsNames: ['g'] },
};

test.each(Object.keys(failures) as ApiName[])('the failure of %s can be encoded in every version', (name) => {
  const api: Api = apis[name];
  const [min, max] = api.versions;
  const fail = failures[name] as (request: unknown, errorCode: number) => never;
  for (let version = min; version <= max; version++) {
    expect(encodeResponse(api, version, 1, fail(requests[name] ?? {}, -1)).length).toBeGreaterThan(0);
  }
});
