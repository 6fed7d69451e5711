import { type Scenario, versionsOf } from '../scenario.ts';
import { ready, stable } from './group-setup.ts';

export const commits: Scenario = {
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
