import { ErrorCode } from '@edgelog/wire';
import { until } from '../../harness/wait.ts';
import { type Scenario, versionsOf } from '../scenario.ts';

const describeCluster: Scenario = {
  name: 'cluster: nodes and versions',
  deliberate: [
    [
      /^versions v[34]/,
      'an ill-named client is told the versions all the same, to find out what it speaks to',
    ],
    [/^quorum/, 'there is no quorum: what is not known is -1'],
    [/^quotas/, 'there are none, whatever the filter says'],
    [/config resources 8/, 'loggers have no configs here'],
  ],
  async run(peer, see) {
    for (const version of versionsOf('describeCluster')) {
      for (const endpointType of version >= 1 ? [0, 1, 2, 3, -1] : [1])
        for (const operations of [false, true])
          see(
            `describe v${version} endpoints ${endpointType} operations ${operations}`,
            await peer.ask('describeCluster', version, {
              includeClusterAuthorizedOperations: operations,
              ...(version >= 1 ? { endpointType } : {}),
            } as never),
          );
      if (version >= 2)
        see(
          `describe v${version} fenced`,
          await peer.ask('describeCluster', version, { includeFencedBrokers: true } as never),
        );
    }
    for (const version of versionsOf('apiVersions')) {
      for (const [name, clientVersion] of version < 3
        ? [['', '']]
        : [
            ['a', '1'],
            ['', ''],
            ['a b', '1'],
            ['a', '1/2'],
            ['-a', '1'],
            ['a-', '1'],
            ['a.b-c', '1.0-x'],
            ['ä', '1'],
            ['a', '.1'],
          ]) {
        const answer = await peer.ask('apiVersions', version, {
          clientSoftwareName: name,
          clientSoftwareVersion: clientVersion,
        } as never);
        see(
          `versions v${version} for ${name} ${clientVersion}`,
          answer && { errorCode: answer.errorCode, isEmpty: answer.apiKeys.length === 0 },
        );
      }
    }
    for (const version of versionsOf('describeQuorum')) {
      for (const [topicName, partitionIndex] of [
        ['__cluster_metadata', 0],
        ['__cluster_metadata', 1],
        ['nowhere', 0],
      ] as const) {
        const answer = await peer.ask('describeQuorum', version, {
          topics: [{ topicName, partitions: [{ partitionIndex }] }],
        } as never);
        see(
          `quorum v${version} ${topicName} ${partitionIndex}`,
          answer && [
            answer.errorCode,
            answer.topics.map(({ partitions }) =>
              partitions.map(({ errorCode, leaderId }) => [errorCode, leaderId]),
            ),
          ],
        );
      }
      see(
        `quorum v${version} of nothing`,
        await peer.ask('describeQuorum', version, { topics: [] } as never),
      );
    }
    for (const version of versionsOf('describeDelegationToken'))
      for (const owners of [null, [], [{ principalType: 'User', principalName: 'a' }]])
        see(
          `tokens v${version} of ${owners?.length ?? 'all'}`,
          await peer.ask('describeDelegationToken', version, { owners } as never),
        );
    for (const version of versionsOf('describeClientQuotas'))
      for (const [entityType, matchType, match] of [
        ['user', 0, 'a'],
        ['user', 1, null],
        ['user', 2, null],
        ['client-id', 0, 'a'],
        ['ip', 0, '1.2.3.4'],
        ['nonsense', 0, 'a'],
        ['', 0, 'a'],
        ['user', 9, null],
        ['user', 0, null],
      ] as const)
        see(
          `quotas v${version} ${entityType} ${matchType} ${match}`,
          await peer.ask('describeClientQuotas', version, {
            components: [{ entityType, matchType, match }],
            strict: false,
          } as never),
        );
    see(
      'quotas of nothing',
      await peer.ask('describeClientQuotas', 1, { components: [], strict: true } as never),
    );
    for (const users of [null, [], ['a'], ['a', 'a'], ['a', 'b'], ['']])
      see(
        `users ${users?.join(' and ') ?? 'null'} of ${users?.length}`,
        await peer.ask('describeUserScramCredentials', 0, {
          users: users?.map((name) => ({ name })) ?? null,
        } as never),
      );
    for (const topics of [null, [], [{ name: 'nowhere', partitionIndexes: [0] }]])
      see(
        `reassignments of ${topics?.length ?? 'all'}`,
        await peer.ask('listPartitionReassignments', 0, { topics } as never),
      );
    for (const types of [[8], [16], [32], [99], [-1], [2, 99], [0]]) {
      const answer = await peer.ask('listConfigResources', 1, { resourceTypes: types } as never);
      see(
        `config resources ${types}`,
        answer && [answer.errorCode, answer.configResources.filter(({ resourceType }) => resourceType !== 2)],
      );
    }
    see('config resources of version 0', await peer.ask('listConfigResources', 0, {} as never));
  },
};

const producers: Scenario = {
  name: 'cluster: producer ids',
  async run(peer, see) {
    await until('producer ids are given', async () => {
      const answer = await peer.must('initProducerId', 0, {
        transactionalId: null,
        transactionTimeoutMs: 1,
      } as never);
      return answer.errorCode === ErrorCode.NONE;
    });
    for (const version of versionsOf('initProducerId')) {
      const ask = async (label: string, over: object) =>
        see(
          `v${version} ${label}`,
          await peer.ask('initProducerId', version, {
            transactionalId: null,
            transactionTimeoutMs: 60_000,
            ...over,
          } as never),
        );
      await ask('plain', {});
      await ask('time-out 0', { transactionTimeoutMs: 0 });
      await ask('time-out -1', { transactionTimeoutMs: -1 });
      await ask('empty transactional id', { transactionalId: '' });
      if (version < 3) continue;
      await ask('id and epoch', { producerId: 5, producerEpoch: 1 });
      await ask('id without epoch', { producerId: 5, producerEpoch: -1 });
      await ask('epoch without id', { producerId: -1, producerEpoch: 1 });
      await ask('greatest epoch', { producerId: 5, producerEpoch: 32767 });
    }
  },
};

const logDirs: Scenario = {
  name: 'cluster: log directories',
  async run(peer, see) {
    const topic = `${peer.prefix}dirs`;
    await peer.topic(topic, 2);
    for (const version of versionsOf('describeLogDirs')) {
      const ask = async (label: string, topics: object[] | null) => {
        const answer = await peer.ask('describeLogDirs', version, { topics } as never);
        see(
          `v${version} ${label}`,
          answer && {
            ...answer,
            results: answer.results.map((dir) => ({
              ...dir,
              topics: dir.topics.filter(({ name }) => name === topic || name === 'nowhere'),
            })),
          },
        );
      };
      await ask('one', [{ topic, partitions: [0] }]);
      await ask('none', []);
      await ask('no partitions', [{ topic, partitions: [] }]);
      await ask('not there', [
        { topic, partitions: [0, 9, -1] },
        { topic: 'nowhere', partitions: [0] },
      ]);
      await ask('all', null);
    }
  },
};

export const clusterScenarios = [describeCluster, producers, logDirs];
