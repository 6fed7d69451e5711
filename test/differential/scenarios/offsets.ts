import { type Scenario, versionsOf } from '../scenario.ts';
import { filled, T0 } from './filled-topic.ts';

const listOffsets: Scenario = {
  name: 'list offsets',
  deliberate: [
    [/isolation 9/, "an internal error of Kafka's"],
    [/partition twice/, 'told once for each time that it was asked for'],
  ],
  async run(peer, see) {
    const { topic } = await filled(peer, 'offsets', 2);
    for (const version of versionsOf('listOffsets')) {
      const ask = async (
        label: string,
        timestamp: number,
        over: object = {},
        name = topic,
        head: object = {},
      ) =>
        see(
          `v${version} ${label}`,
          await peer.ask('listOffsets', version, {
            replicaId: -1,
            isolationLevel: 0,
            ...head,
            topics: [{ name, partitions: [{ partitionIndex: 0, timestamp, ...over }] }],
          } as never),
        );
      for (const special of [-1, -2, -3, -4, -5, -6, -7, -100]) await ask(`special ${special}`, special);
      for (const special of [-1, -2, -3, -4, -5])
        await ask(`special ${special} of an empty partition`, special, { partitionIndex: 1 });
      for (const time of [0, T0 - 60_000, T0 - 1, T0, T0 + 1, T0 + 60_000, T0 + 60_001, 2 ** 52])
        await ask(`time ${time - T0}`, time);
      await ask('time in an empty partition', T0, { partitionIndex: 1 });
      await ask('partition -1', -1, { partitionIndex: -1 });
      await ask('partition 2 of 2', -1, { partitionIndex: 2 });
      await ask('unknown topic', -1, {}, 'nowhere');
      await ask('empty topic', -1, {}, '');
      if (version >= 2) {
        await ask('read committed', -1, {}, topic, { isolationLevel: 1 });
        await ask('isolation 9', -1, {}, topic, { isolationLevel: 9 });
      }
      if (version < 4) continue;
      await ask('epoch 0', -1, { currentLeaderEpoch: 0 });
      await ask('epoch 1', -1, { currentLeaderEpoch: 1 });
    }
    const twice = [
      { partitionIndex: 0, timestamp: -1 },
      { partitionIndex: 0, timestamp: -2 },
      { partitionIndex: 1, timestamp: -2 },
    ];
    see(
      'partition twice',
      await peer.ask('listOffsets', 4, {
        replicaId: -1,
        isolationLevel: 0,
        topics: [{ name: topic, partitions: twice }],
      } as never),
    );
    for (const replicaId of [-2, 1, 5])
      see(
        `replica ${replicaId}`,
        await peer.ask('listOffsets', 4, {
          replicaId,
          isolationLevel: 0,
          topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
        } as never),
      );
  },
};

const leaderEpochs: Scenario = {
  name: 'offset for leader epoch',
  deliberate: [[/epoch -2/, 'no epoch is -2: Kafka answers epoch -2 at offset 0']],
  async run(peer, see) {
    const { topic } = await filled(peer, 'epochs', 2);
    for (const version of versionsOf('offsetForLeaderEpoch')) {
      for (const leaderEpoch of [0, 1, 99, -1, -2])
        for (const currentLeaderEpoch of [-1, 0, 1])
          for (const partition of [0, 1])
            see(
              `v${version} epoch ${leaderEpoch} of ${partition}, leader at ${currentLeaderEpoch}`,
              await peer.ask('offsetForLeaderEpoch', version, {
                topics: [{ topic, partitions: [{ partition, currentLeaderEpoch, leaderEpoch }] }],
              } as never),
            );
      for (const [name, partition] of [
        ['nowhere', 0],
        [topic, -1],
        [topic, 9],
      ] as const)
        see(
          `v${version} ${name === topic ? 'partition' : 'topic'} ${partition} that is not`,
          await peer.ask('offsetForLeaderEpoch', version, {
            topics: [{ topic: name, partitions: [{ partition, currentLeaderEpoch: -1, leaderEpoch: 0 }] }],
          } as never),
        );
    }
    see(
      'as a replica',
      await peer.ask('offsetForLeaderEpoch', 3, {
        replicaId: 5,
        topics: [{ topic, partitions: [{ partition: 0, leaderEpoch: 0 }] }],
      } as never),
    );
  },
};

const deleteRecords: Scenario = {
  name: 'delete records',
  deliberate: [[/greatest time/, 'Kafka tells a record below the log start, which cannot be read']],
  async run(peer, see) {
    for (const version of versionsOf('deleteRecords')) {
      const { topic } = await filled(peer, `delete-${version}`, 2);
      const ask = async (label: string, offset: number, partitionIndex = 0, name = topic, timeoutMs = 5000) =>
        see(
          `v${version} ${label}`,
          await peer.ask('deleteRecords', version, {
            timeoutMs,
            topics: [{ name, partitions: [{ partitionIndex, offset }] }],
          } as never),
        );
      await ask('-2', -2);
      await ask('beyond the end', 7);
      await ask('up to 3, within a batch', 3);
      await ask('below what is deleted', 1);
      await ask('0', 0);
      await ask('of an empty partition to its end', -1, 1);
      await ask('of an empty partition to 1', 1, 1);
      await ask('partition -1', 0, -1);
      await ask('partition 2 of 2', 0, 2);
      await ask('unknown topic', 0, 0, 'nowhere');
      await ask('negative time-out', 4, 0, topic, -1);
      for (const timestamp of [0, T0, T0 + 60_000, T0 + 60_001, -3])
        see(
          `v${version} ${timestamp < 0 ? 'greatest time' : `time ${timestamp - T0}`} after 4 were deleted`,
          await peer.ask('listOffsets', 7, {
            replicaId: -1,
            isolationLevel: 0,
            topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }],
          }),
        );
      see(`v${version} fetch below`, await peer.ask('fetch', 11, fetchAt(topic, 2)));
      see(`v${version} fetch within the batch`, await peer.ask('fetch', 11, fetchAt(topic, 4)));
      const twice = [
        { partitionIndex: 0, offset: 4 },
        { partitionIndex: 0, offset: 5 },
      ];
      await peer.ask('deleteRecords', version, {
        timeoutMs: 5000,
        topics: [{ name: topic, partitions: twice }],
      } as never);
      await ask('to the end', -1);
      await ask('again', -1);
      see(
        `v${version} list offsets after`,
        await peer.ask('listOffsets', 7, {
          replicaId: -1,
          isolationLevel: 0,
          topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -2 }] }],
        } as never),
      );
      see(
        `v${version} by time after`,
        await peer.ask('listOffsets', 7, {
          replicaId: -1,
          isolationLevel: 0,
          topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: 0 }] }],
        } as never),
      );
    }
    const compacted = `${peer.prefix}delete-compacted`;
    await peer.topic(compacted, 1, { 'cleanup.policy': 'compact' });
    see(
      'compacted',
      await peer.ask('deleteRecords', 2, {
        timeoutMs: 5000,
        topics: [{ name: compacted, partitions: [{ partitionIndex: 0, offset: 0 }] }],
      } as never),
    );
    see(
      'offsets topic',
      await peer.ask('deleteRecords', 2, {
        timeoutMs: 5000,
        topics: [{ name: '__consumer_offsets', partitions: [{ partitionIndex: 0, offset: 0 }] }],
      } as never),
    );
  },
};

const fetchAt = (topic: string, fetchOffset: number) =>
  ({
    maxWaitMs: 10,
    minBytes: 0,
    maxBytes: 1_000_000,
    isolationLevel: 0,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }] }],
  }) as never;

export const offsetScenarios = [listOffsets, leaderEpochs, deleteRecords];
