import { describe, expect, test } from 'vitest';
import { describeGroup, listGroups } from './describe.ts';
import { Harness } from './harness.ts';

const options = { apiVersion: 5, includeAuthorizedOperations: false };

describe('DescribeGroups', () => {
  test('shows metadata and assignments of a stable group', () => {
    const h = new Harness();
    const [memberId] = h.stable(1, { metadata: 'topics' });
    expect(describeGroup('readers', h.group(), options)).toMatchObject({
      errorCode: 0,
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      members: [
        {
          memberId,
          clientId: 'client',
          clientHost: '/127.0.0.1',
          memberMetadata: Buffer.from('topics'),
          memberAssignment: Buffer.from(memberId!),
        },
      ],
    });
  });

  test('shows neither while a rebalance runs', () => {
    const h = new Harness();
    const [leader] = h.stable(2);
    h.join({ memberId: leader! });
    const described = describeGroup('readers', h.group(), options);
    expect(described).toMatchObject({ groupState: 'PreparingRebalance', protocolData: '' });
    expect(described.members[0]?.memberMetadata).toHaveLength(0);
  });

  test('calls a group that does not exist dead, and from version 6 on not found', () => {
    expect(describeGroup('x', undefined, options)).toMatchObject({ errorCode: 0, groupState: 'Dead' });
    expect(describeGroup('x', undefined, { ...options, apiVersion: 6 })).toMatchObject({
      errorCode: 69,
      errorMessage: 'Group x not found.',
      groupState: 'Dead',
    });
  });

  test('tells what may be done only when asked', () => {
    const asked = describeGroup('x', undefined, { ...options, includeAuthorizedOperations: true });
    expect(asked.authorizedOperations).toBe(328);
    expect(describeGroup('x', undefined, options).authorizedOperations).toBe(-(2 ** 31));
  });
});

test('ListGroups filters by state and type without regard to case', () => {
  const h = new Harness();
  h.stable(1);
  h.commit({ groupId: 'simple', offset: 1 });
  const list = (statesFilter: string[], typesFilter: string[] = []) =>
    listGroups(h.shard.groups.values(), { statesFilter, typesFilter }).map(({ groupId }) => groupId);
  expect(list([])).toEqual(['readers', 'simple']);
  expect(list(['stable'])).toEqual(['readers']);
  expect(list(['Empty', 'Dead'])).toEqual(['simple']);
  expect(list([], ['Classic'])).toEqual(['readers', 'simple']);
  expect(list([], ['consumer'])).toEqual([]);
});
