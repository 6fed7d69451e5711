import { ErrorCode, type ResponseOutput } from '@edgelog/wire';
import { until } from '../../harness/wait.ts';
import type { Peer } from '../peer.ts';
import { type Scenario, versionsOf } from '../scenario.ts';

const PROTOCOLS = [{ name: 'range', metadata: Buffer.from('m') }];

/** Waits until the coordinator of a group answers: Kafka makes its topic of offsets when it is first asked for. */
async function ready(peer: Peer, groupId: string): Promise<void> {
  await until(`the coordinator of ${groupId} answers`, async () => {
    const { coordinators } = await peer.must('findCoordinator', 4, {
      keyType: 0,
      coordinatorKeys: [groupId],
    } as never);
    if (coordinators[0]!.errorCode !== ErrorCode.NONE) return false;
    const { groups } = await peer.must('offsetFetch', 8, { groups: [{ groupId, topics: null }] } as never);
    return groups[0]!.errorCode === ErrorCode.NONE;
  });
}

const join = (groupId: string, over: object = {}) =>
  ({
    groupId,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: PROTOCOLS,
    ...over,
  }) as never;

/** A group of one member in its first generation. */
async function stable(peer: Peer, groupId: string): Promise<{ memberId: string; generationId: number }> {
  await ready(peer, groupId);
  const { memberId } = await peer.must('joinGroup', 5, join(groupId));
  const { generationId } = await peer.must('joinGroup', 5, join(groupId, { memberId }));
  await peer.must('syncGroup', 3, {
    groupId,
    generationId,
    memberId,
    assignments: [{ memberId, assignment: Buffer.from('a') }],
  } as never);
  return { memberId, generationId };
}

const errorOf = (response: ResponseOutput<'leaveGroup'> | undefined) =>
  response?.members.map(({ errorCode }) => ({ errorCode }));

/** Without the ids that a coordinator draws. */
function anonymous(response: ResponseOutput<'joinGroup'> | undefined): unknown {
  if (response === undefined) return undefined;
  const { memberId, leader, members, ...rest } = response;
  return {
    ...rest,
    leads: leader === memberId,
    isNamed: memberId !== '',
    members: members.map(({ memberId: _, ...member }) => member),
  };
}

const coordinators: Scenario = {
  name: 'groups: find coordinator',
  async run(peer, see) {
    await ready(peer, `${peer.prefix}find`);
    for (const version of versionsOf('findCoordinator')) {
      const ask = async (label: string, keys: string[], keyType = 0) => {
        const body =
          version < 4
            ? { key: keys[0] ?? '', ...(version > 0 ? { keyType } : {}) }
            : { keyType, coordinatorKeys: keys };
        see(`v${version} ${label}`, await peer.ask('findCoordinator', version, body as never));
      };
      await ask('one', ['a']);
      await ask('empty key', ['']);
      if (version >= 1) for (const type of [2, 3, -1]) await ask(`key type ${type}`, ['a'], type);
      if (version < 4) continue;
      await ask('several', ['a', 'b', '']);
      await ask('twice', ['a', 'a']);
      await ask('none', []);
    }
  },
};

const joins: Scenario = {
  name: 'groups: join, sync, heartbeat, leave in wrong states',
  deliberate: [[/^v[789] /, 'no protocol is an empty name in failures, as before version 7']],
  async run(peer, see) {
    const group = `${peer.prefix}joins`;
    await ready(peer, group);
    for (const version of versionsOf('joinGroup')) {
      const groupId = `${group}-${version}`;
      const ask = async (label: string, over: object, own = groupId) =>
        see(`v${version} ${label}`, anonymous(await peer.ask('joinGroup', version, join(own, over))));
      await ask('empty group id', {}, '');
      await ask('session too short', { sessionTimeoutMs: 10 });
      await ask('session 0', { sessionTimeoutMs: 0 });
      await ask('session negative', { sessionTimeoutMs: -1 });
      await ask('session too long', { sessionTimeoutMs: 2_000_000_000 });
      await ask('no protocols', { protocols: [] });
      await ask('no protocol type', { protocolType: '' });
      await ask('unknown member', { memberId: 'nobody' });
      if (version >= 1 && version !== 0)
        await ask('negative rebalance time-out', { rebalanceTimeoutMs: -5, memberId: 'nobody' });
      if (version < 4) continue;
      const first = await peer.must('joinGroup', version, join(groupId));
      see(`v${version} first`, anonymous(first));
      await ask('with its id', { memberId: first.memberId });
      if (version < 5) continue;
      await ask(
        'unknown static member with an id',
        { memberId: 'nobody', groupInstanceId: 'i' },
        `${groupId}-s`,
      );
      await ask('static', { groupInstanceId: 'i' }, `${groupId}-s`);
      await ask('static, known, other id', { memberId: 'nobody', groupInstanceId: 'i' }, `${groupId}-s`);
      await ask('empty instance id', { groupInstanceId: '' }, `${groupId}-t`);
      await ask('bad instance id', { groupInstanceId: 'a/b' }, `${groupId}-u`);
      await ask('long instance id', { groupInstanceId: 'x'.repeat(250) }, `${groupId}-v`);
    }
    const groupId = `${group}-stable`;
    const { memberId, generationId } = await stable(peer, groupId);
    see(
      'another protocol type',
      anonymous(await peer.ask('joinGroup', 5, join(groupId, { protocolType: 'connect' }))),
    );
    see(
      'no common protocol',
      anonymous(
        await peer.ask(
          'joinGroup',
          5,
          join(groupId, { protocols: [{ name: 'other', metadata: Buffer.alloc(0) }] }),
        ),
      ),
    );
    see(
      'unknown member in a stable group',
      anonymous(await peer.ask('joinGroup', 5, join(groupId, { memberId: 'nobody' }))),
    );
    for (const version of versionsOf('syncGroup')) {
      const ask = async (label: string, over: object) =>
        see(
          `sync v${version} ${label}`,
          await peer.ask('syncGroup', version, {
            groupId,
            generationId,
            memberId,
            assignments: [],
            ...over,
          } as never),
        );
      await ask('again', {});
      await ask('stale generation', { generationId: generationId - 1 });
      await ask('future generation', { generationId: generationId + 1 });
      await ask('generation -1', { generationId: -1 });
      await ask('unknown member', { memberId: 'nobody' });
      await ask('empty member', { memberId: '' });
      await ask('unknown group', { groupId: 'nowhere' });
      await ask('empty group', { groupId: '' });
      if (version >= 3) await ask('instance id that it has not', { groupInstanceId: 'i' });
      if (version < 5) continue;
      await ask('protocol it has', { protocolType: 'consumer', protocolName: 'range' });
      await ask('other protocol type', { protocolType: 'connect', protocolName: 'range' });
      await ask('other protocol name', { protocolType: 'consumer', protocolName: 'other' });
      await ask('protocol name alone', { protocolName: 'range' });
    }
    for (const version of versionsOf('heartbeat')) {
      const ask = async (label: string, over: object) =>
        see(
          `heartbeat v${version} ${label}`,
          await peer.ask('heartbeat', version, { groupId, generationId, memberId, ...over } as never),
        );
      await ask('well', {});
      await ask('stale generation', { generationId: generationId - 1 });
      await ask('future generation', { generationId: generationId + 1 });
      await ask('generation -1', { generationId: -1 });
      await ask('unknown member', { memberId: 'nobody' });
      await ask('unknown group', { groupId: 'nowhere' });
      await ask('empty group', { groupId: '' });
      if (version >= 3) await ask('instance id that it has not', { groupInstanceId: 'i' });
    }
    for (const version of versionsOf('leaveGroup')) {
      const ask = async (label: string, own: string, ids: object[]) => {
        const body =
          version < 3
            ? { groupId: own, memberId: (ids[0] as { memberId: string } | undefined)?.memberId ?? '' }
            : { groupId: own, members: ids };
        see(`leave v${version} ${label}`, await peer.ask('leaveGroup', version, body as never));
      };
      await ask('unknown member', groupId, [{ memberId: 'nobody' }]);
      await ask('empty member', groupId, [{ memberId: '' }]);
      await ask('unknown group', 'nowhere', [{ memberId: 'nobody' }]);
      await ask('empty group', '', [{ memberId: 'nobody' }]);
      if (version < 3) continue;
      await ask('nobody', groupId, []);
      await ask('nobody of an unknown group', 'nowhere', []);
      await ask('unknown instance', groupId, [{ memberId: '', groupInstanceId: 'i' }]);
      await ask('member twice', `${groupId}`, [{ memberId: 'nobody' }, { memberId: 'nobody' }]);
    }
    see('it leaves', errorOf(await peer.ask('leaveGroup', 3, { groupId, members: [{ memberId }] } as never)));
    see(
      'it leaves again',
      errorOf(await peer.ask('leaveGroup', 3, { groupId, members: [{ memberId }] } as never)),
    );
    see(
      'heartbeat of an empty group',
      await peer.ask('heartbeat', 3, { groupId, generationId, memberId } as never),
    );
    see(
      'sync of an empty group',
      await peer.ask('syncGroup', 3, { groupId, generationId, memberId, assignments: [] } as never),
    );
  },
};

const commits: Scenario = {
  name: 'groups: offsets',
  deliberate: [
    [/without partitions/, 'Kafka leaves the empty entry out'],
    [
      /empty (group|id)|several|noneempty/,
      "two consumers that forgot to name a group would overwrite each other's positions",
    ],
    [/twice/, 'described once, or a small request could ask for gigabytes'],
    [/^describe v\d$/, 'groups have no configs that can be altered'],
  ],
  async run(peer, see) {
    const topic = `${peer.prefix}committed`;
    await peer.topic(topic, 2);
    const groupId = `${peer.prefix}commits`;
    await ready(peer, groupId);
    const member = await stable(peer, `${groupId}-members`);
    for (const version of versionsOf('offsetCommit')) {
      const ask = async (label: string, over: object = {}, partition: object = {}, name = topic) => {
        const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: 'm', ...partition }];
        see(
          `commit v${version} ${label}`,
          await peer.ask('offsetCommit', version, {
            groupId,
            generationIdOrMemberEpoch: -1,
            memberId: '',
            topics: [{ name, partitions }],
            ...over,
          } as never),
        );
      };
      await ask('simple');
      await ask('nothing', { topics: [] });
      await ask('topic without partitions', { topics: [{ name: topic, partitions: [] }] });
      await ask('unknown topic', {}, {}, 'nowhere');
      await ask('empty topic', {}, {}, '');
      await ask('partition 2 of 2', {}, { partitionIndex: 2 });
      await ask('partition -1', {}, { partitionIndex: -1 });
      await ask('offset -1', {}, { committedOffset: -1 });
      await ask('offset -5', {}, { committedOffset: -5 });
      await ask('offset beyond the end', {}, { committedOffset: 999 });
      await ask('metadata null', {}, { committedMetadata: null });
      await ask('metadata of 4096', {}, { committedMetadata: 'x'.repeat(4096) });
      await ask('metadata of 4097', {}, { committedMetadata: 'x'.repeat(4097) });
      await ask('empty group', { groupId: '' });
      await ask('generation without a member', { generationIdOrMemberEpoch: 0 });
      await ask('member without a generation', { memberId: 'nobody' });
      await ask('member and generation of an unknown group', {
        groupId: 'nowhere',
        memberId: 'nobody',
        generationIdOrMemberEpoch: 1,
      });
      const own = {
        groupId: `${groupId}-members`,
        memberId: member.memberId,
        generationIdOrMemberEpoch: member.generationId,
      };
      await ask('of a member', own);
      await ask('stale generation', { ...own, generationIdOrMemberEpoch: 0 });
      await ask('future generation', { ...own, generationIdOrMemberEpoch: 99 });
      await ask('unknown member', { ...own, memberId: 'nobody' });
      await ask('no member, while there are some', { groupId: own.groupId });
      if (version >= 7) await ask('instance id that it has not', { ...own, groupInstanceId: 'i' });
      const twice = [
        { partitionIndex: 1, committedOffset: 1, committedMetadata: '' },
        { partitionIndex: 1, committedOffset: 2, committedMetadata: '' },
      ];
      await ask('partition twice', { topics: [{ name: topic, partitions: twice }] });
    }
    for (const version of versionsOf('offsetFetch')) {
      const ask = async (label: string, topics: object[] | null, own = groupId, over: object = {}) => {
        const body =
          version < 8 ? { groupId: own, topics, ...over } : { groups: [{ groupId: own, topics }], ...over };
        see(`fetch v${version} ${label}`, await peer.ask('offsetFetch', version, body as never));
      };
      await ask('some', [{ name: topic, partitionIndexes: [0, 1] }]);
      await ask('not there', [
        { name: topic, partitionIndexes: [9, -1] },
        { name: 'nowhere', partitionIndexes: [0] },
      ]);
      await ask('none', []);
      await ask('topic without partitions', [{ name: topic, partitionIndexes: [] }]);
      await ask('partition twice', [{ name: topic, partitionIndexes: [0, 0] }]);
      await ask('unknown group', [{ name: topic, partitionIndexes: [0] }], 'nowhere');
      await ask('empty group', [{ name: topic, partitionIndexes: [0] }], '');
      if (version >= 2) await ask('all', null);
      if (version >= 2) await ask('all of an unknown group', null, 'nowhere');
      if (version >= 7)
        await ask('stable only', [{ name: topic, partitionIndexes: [0] }], groupId, { requireStable: true });
    }
    see(
      'fetch of several groups',
      await peer.ask('offsetFetch', 8, {
        groups: [
          { groupId, topics: null },
          { groupId: 'nowhere', topics: null },
          { groupId: '', topics: null },
        ],
      } as never),
    );
    see(
      'fetch of a group twice',
      await peer.ask('offsetFetch', 8, {
        groups: [
          { groupId, topics: null },
          { groupId, topics: null },
        ],
      } as never),
    );
    see('fetch of no group', await peer.ask('offsetFetch', 8, { groups: [] } as never));
    see(
      'fetch as a member that is not',
      await peer.ask('offsetFetch', 9, {
        groups: [{ groupId, topics: null, memberId: 'nobody', memberEpoch: 1 }],
      } as never),
    );
    const remove = async (label: string, own: string, topics: object[]) =>
      see(`delete offsets ${label}`, await peer.ask('offsetDelete', 0, { groupId: own, topics } as never));
    const one = (partitionIndex: number, name = topic) => [{ name, partitions: [{ partitionIndex }] }];
    await remove('of an unknown group', 'nowhere', one(0));
    await remove('of no group', '', one(0));
    await remove('not there', groupId, one(9));
    await remove('unknown topic', groupId, one(0, 'nowhere'));
    await remove('one', groupId, one(0));
    await remove('again', groupId, one(0));
    await remove('nothing', groupId, []);
    await remove('of a group with members', `${groupId}-members`, one(0));
    for (const version of versionsOf('describeGroups')) {
      see(
        `describe v${version} unknown`,
        await peer.ask('describeGroups', version, { groups: ['nowhere'] } as never),
      );
      see(
        `describe v${version} empty id`,
        await peer.ask('describeGroups', version, { groups: [''] } as never),
      );
      see(`describe v${version} none`, await peer.ask('describeGroups', version, { groups: [] } as never));
      see(
        `describe v${version} twice`,
        await peer.ask('describeGroups', version, { groups: [groupId, groupId] } as never),
      );
      const described = await peer.ask('describeGroups', version, {
        groups: [`${groupId}-members`],
        ...(version >= 3 ? { includeAuthorizedOperations: true } : {}),
      } as never);
      see(
        `describe v${version}`,
        described?.groups.map(({ members, ...rest }) => ({
          ...rest,
          members: members.map(({ memberId: _, clientHost: __, ...kept }) => kept),
        })),
      );
    }
    for (const version of versionsOf('listGroups')) {
      const ask = async (label: string, over: object) => {
        const listed = await peer.ask('listGroups', version, over as never);
        see(
          `list v${version} ${label}`,
          listed && { ...listed, groups: listed.groups.filter(({ groupId: id }) => id.startsWith(groupId)) },
        );
      };
      await ask('all', {});
      if (version < 4) continue;
      for (const state of ['Stable', 'stable', 'Empty', 'Nonsense', ''])
        await ask(`state ${state}`, { statesFilter: [state] });
      if (version < 5) continue;
      for (const type of ['classic', 'Classic', 'consumer', 'share', 'nonsense', ''])
        await ask(`type ${type}`, { typesFilter: [type] });
    }
    for (const version of versionsOf('deleteGroups')) {
      for (const groups of [[], ['nowhere'], [''], [`${groupId}-members`], [groupId, groupId], [groupId]])
        see(
          `delete v${version} ${groups.map((name) => name.replace(peer.prefix, '')).join(' and ') || 'none'}${groups[0] === '' ? 'empty' : ''}`,
          await peer.ask('deleteGroups', version, { groupsNames: groups } as never),
        );
    }
  },
};

const consumers: Scenario = {
  name: 'groups: the new consumer protocol',
  deliberate: [
    [/blank group/, 'a blank is a name'],
    [/v[01] describe$/, 'groups have no configs that can be altered, and no group is called nothing'],
  ],
  async run(peer, see) {
    const topic = `${peer.prefix}consumed`;
    await peer.topic(topic, 2);
    const groupId = `${peer.prefix}consumers`;
    await ready(peer, groupId);
    for (const version of versionsOf('consumerGroupHeartbeat')) {
      const own = `${groupId}-${version}`;
      const memberId = `AAAAAAAAAAAAAAAAAAAA${version}A`;
      const base = {
        groupId: own,
        memberId,
        memberEpoch: 0,
        rebalanceTimeoutMs: 5000,
        subscribedTopicNames: [topic],
        topicPartitions: [],
      };
      let strangers = 0;
      /** In a group of its own unless it names one. */
      const alone = (label: string, over: object = {}) =>
        ask(label, { groupId: `${own}-${strangers++}`, ...over });
      const ask = async (label: string, over: object = {}) => {
        const answer = await peer.ask('consumerGroupHeartbeat', version, { ...base, ...over } as never);
        see(
          `v${version} ${label}`,
          answer && {
            ...answer,
            memberId: answer.memberId === memberId ? 'its own' : answer.memberId === null ? null : 'another',
          },
        );
        return answer;
      };
      await alone('empty group', { groupId: '' });
      await alone('blank group', { groupId: ' ' });
      await alone('empty member', { memberId: '' });
      await alone('unknown member with an epoch', {
        memberEpoch: 3,
        subscribedTopicNames: null,
        topicPartitions: null,
        rebalanceTimeoutMs: -1,
      });
      await alone('epoch -3', { memberEpoch: -3 });
      await alone('leaves what is not', { memberEpoch: -1 });
      await alone('static leave without an instance', { memberEpoch: -2 });
      await alone('unknown assignor', { serverAssignor: 'nonsense' });
      await alone('no topics', { subscribedTopicNames: null });
      await alone('no rebalance time-out', { rebalanceTimeoutMs: -1 });
      await alone('no partitions', { topicPartitions: null });
      await alone('partitions at the start', {
        topicPartitions: [{ topicId: '00000000-0000-4000-8000-000000000009', partitions: [0] }],
      });
      await alone('empty instance', { instanceId: '' });
      await alone('empty rack', { rackId: '' });
      if (version >= 1) {
        await alone('bad pattern', { subscribedTopicNames: null, subscribedTopicRegex: '(' });
        await alone('names and a pattern', {
          subscribedTopicRegex: 'x.*',
          memberId: `BAAAAAAAAAAAAAAAAAAA${version}A`,
        });
      }
      const joined = await ask('joins');
      const epoch = joined?.memberEpoch ?? 0;
      const keepsUp = {
        memberEpoch: epoch,
        rebalanceTimeoutMs: -1,
        subscribedTopicNames: null,
        topicPartitions: null,
      };
      await ask('heartbeat', keepsUp);
      await ask('heartbeat, epoch too high', { ...keepsUp, memberEpoch: epoch + 5 });
      await ask('heartbeat, epoch too low', { ...keepsUp, memberEpoch: epoch - 2 });
      await ask('a classic member joins: heartbeat of the unknown', { ...keepsUp, memberId: 'nobody' });
      see(`v${version} classic describe`, await peer.ask('describeGroups', 5, { groups: [own] } as never));
      const described = await peer.ask('consumerGroupDescribe', version, {
        groupIds: [own, 'nowhere', ''],
        includeAuthorizedOperations: true,
      } as never);
      see(
        `v${version} describe`,
        described?.groups.map(({ members, ...rest }) => ({
          ...rest,
          members: members.map(({ clientHost: _, subscribedTopicRegex: __, ...kept }) => kept),
        })),
      );
      see(
        `v${version} commit with a wrong epoch`,
        await peer.ask('offsetCommit', 9, {
          groupId: own,
          memberId,
          generationIdOrMemberEpoch: epoch + 9,
          topics: [
            { name: topic, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] },
          ],
        } as never),
      );
      see(
        `v${version} commit without a member`,
        await peer.ask('offsetCommit', 9, {
          groupId: own,
          memberId: '',
          generationIdOrMemberEpoch: -1,
          topics: [
            { name: topic, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] },
          ],
        } as never),
      );
      see(
        `v${version} commit`,
        await peer.ask('offsetCommit', 9, {
          groupId: own,
          memberId,
          generationIdOrMemberEpoch: epoch,
          topics: [
            { name: topic, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] },
          ],
        } as never),
      );
      see(
        `v${version} commit of version 8`,
        await peer.ask('offsetCommit', 8, {
          groupId: own,
          memberId,
          generationIdOrMemberEpoch: epoch,
          topics: [
            { name: topic, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] },
          ],
        } as never),
      );
      see(
        `v${version} fetch with a wrong epoch`,
        await peer.ask('offsetFetch', 9, {
          groups: [{ groupId: own, topics: null, memberId, memberEpoch: epoch + 9 }],
        } as never),
      );
      see(
        `v${version} fetch of an unknown member`,
        await peer.ask('offsetFetch', 9, {
          groups: [{ groupId: own, topics: null, memberId: 'nobody', memberEpoch: epoch }],
        } as never),
      );
      see(
        `v${version} fetch`,
        await peer.ask('offsetFetch', 9, {
          groups: [{ groupId: own, topics: null, memberId, memberEpoch: epoch }],
        } as never),
      );
      see(
        `v${version} a classic member without a protocol in common`,
        anonymous(await peer.ask('joinGroup', 5, join(own, { protocolType: 'connect' }))),
      );
      see(
        `v${version} classic heartbeat of its member`,
        await peer.ask('heartbeat', 3, { groupId: own, memberId, generationId: epoch } as never),
      );
      see(
        `v${version} delete while it is there`,
        await peer.ask('deleteGroups', 2, { groupsNames: [own] } as never),
      );
      await ask('leaves', { ...keepsUp, memberEpoch: -1 });
      see(`v${version} delete`, await peer.ask('deleteGroups', 2, { groupsNames: [own] } as never));
    }
    const classic = `${groupId}-classic`;
    await peer.must('offsetCommit', 8, {
      groupId: classic,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      topics: [
        { name: topic, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] },
      ],
    } as never);
    see(
      'describe a classic group',
      await peer.ask('consumerGroupDescribe', 0, { groupIds: [classic] } as never),
    );
  },
};

export const groupScenarios = [coordinators, joins, commits, consumers];
