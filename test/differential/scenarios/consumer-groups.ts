import { type Scenario, versionsOf } from '../scenario.ts';
import { UNKNOWN_ID } from './filled-topic.ts';
import { anonymous, join, ready } from './group-setup.ts';

export const consumers: Scenario = {
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
        topicPartitions: [{ topicId: UNKNOWN_ID, partitions: [0] }],
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
