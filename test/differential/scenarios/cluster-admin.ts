import { type Scenario, versionsOf } from '../scenario.ts';

const moves: Scenario = {
  name: 'cluster: moves of partitions',
  deliberate: [[/another number of replicas$/, 'their number is looked at before the brokers']],
  async run(peer, see) {
    const topic = `${peer.prefix}moves`;
    await peer.topic(topic, 2);
    for (const version of versionsOf('alterPartitionReassignments')) {
      const ask = async (label: string, partitions: object[], over: object = {}, name = topic) =>
        see(
          `v${version} ${label}`,
          await peer.ask('alterPartitionReassignments', version, {
            topics: [{ name, partitions }],
            ...over,
          } as never),
        );
      const to = (replicas: number[] | null, partitionIndex = 0) => ({ partitionIndex, replicas });
      await ask('where it is', [to([1])]);
      await ask('to a broker that there is not', [to([9])]);
      await ask('to two brokers', [to([1, 9])]);
      await ask('to one twice', [to([1, 1])]);
      await ask('to nobody', [to([])]);
      await ask('to a negative id', [to([-1])]);
      await ask('called off', [to(null)]);
      await ask('a partition that there is not', [to([1], 7), to([1], -1)]);
      await ask('a partition twice', [to([1]), to([1])]);
      await ask('no partitions', []);
      await ask('a topic that there is not', [to([1])], {}, 'nowhere');
      await ask('an ill-named topic', [to([1])], {}, 'a b');
      if (version < 1) continue;
      const kept = { allowReplicationFactorChange: false };
      await ask('as many replicas', [to([1])], kept);
      await ask('another number of replicas', [to([1, 9])], kept);
    }
    for (const version of versionsOf('listPartitionReassignments'))
      for (const [label, topics] of [
        ['some', [{ name: topic, partitionIndexes: [0, 7] }]],
        ['a topic twice', [0, 1].map((index) => ({ name: topic, partitionIndexes: [index] }))],
      ] as const)
        see(
          `list v${version} ${label}`,
          await peer.ask('listPartitionReassignments', version, { topics } as never),
        );
  },
};

const elections: Scenario = {
  name: 'cluster: elections',
  deliberate: [[/ of one twice$/, 'what is asked for twice is answered once']],
  async run(peer, see) {
    const topic = `${peer.prefix}elections`;
    await peer.topic(topic, 2);
    for (const version of versionsOf('electLeaders')) {
      for (const electionType of version >= 1 ? [0, 1, 2, -1] : [0]) {
        const ask = async (label: string, topicPartitions: object[] | null) => {
          const answer = await peer.ask('electLeaders', version, {
            ...(version >= 1 ? { electionType } : {}),
            topicPartitions,
          } as never);
          see(
            `v${version} type ${electionType} ${label}`,
            answer && {
              ...answer,
              replicaElectionResults: answer.replicaElectionResults.filter(
                (one) => one.topic === topic || one.topic === 'nowhere',
              ),
            },
          );
        };
        await ask('of one', [{ topic, partitions: [0] }]);
        await ask('of one twice', [{ topic, partitions: [0, 0] }]);
        await ask('of what there is not', [
          { topic, partitions: [7, -1] },
          { topic: 'nowhere', partitions: [0] },
        ]);
        await ask('of none', []);
        await ask('of no partitions', [{ topic, partitions: [] }]);
        await ask('of all', null);
      }
    }
  },
};

const unregistering: Scenario = {
  name: 'cluster: unregistering',
  async run(peer, see) {
    for (const brokerId of [9, -1])
      see(`broker ${brokerId}`, await peer.ask('unregisterBroker', 0, { brokerId } as never));
  },
};

export const clusterAdminScenarios = [moves, elections, unregistering];
