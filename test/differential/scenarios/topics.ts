import { ZERO_UUID } from '@edgelog/wire';
import { type Scenario, versionsOf } from '../scenario.ts';
import { UNKNOWN_ID } from './filled-topic.ts';

const createTopics: Scenario = {
  name: 'create topics',
  deliberate: [
    [/0 partitions and 2 replicas/, 'two errors, one of them told'],
    [/negative time-out/, 'the local disk alone is waited for'],
    [/config .*(=\+5|NaN)/, 'numbers are written as numbers'],
    [/cleanup\.policy=$/, 'a topic without any policy would keep all for ever by accident'],
    [/segment\.bytes=1024/, 'has no effect: a small one is as good'],
    [
      /two that collide/,
      'the second is refused; Kafka looks at those that were there before the request only',
    ],
  ],
  async run(peer, see) {
    const existing = `${peer.prefix}ex.isting_1`;
    await peer.topic(existing);
    for (const version of versionsOf('createTopics')) {
      let count = 0;
      const ask = async (label: string, over: object, head: object = {}) => {
        const name = `${peer.prefix}create-${version}-${count++}`;
        const topic = { name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [], ...over };
        const response = await peer.ask('createTopics', version, {
          timeoutMs: 5000,
          validateOnly: false,
          ...head,
          topics: [topic],
        } as never);
        see(
          `v${version} ${label}`,
          response?.topics.map(({ configs: _, topicId: __, ...rest }) => rest),
        );
      };
      await ask('plain', {});
      await ask('default counts', { numPartitions: -1, replicationFactor: -1 });
      await ask('default partitions', { numPartitions: -1 });
      await ask('default replicas', { replicationFactor: -1 });
      await ask('0 partitions', { numPartitions: 0 });
      await ask('-2 partitions', { numPartitions: -2 });
      await ask('0 replicas', { replicationFactor: 0 });
      await ask('-2 replicas', { replicationFactor: -2 });
      await ask('2 replicas', { replicationFactor: 2 });
      await ask('0 partitions and 2 replicas', { numPartitions: 0, replicationFactor: 2 });
      await ask('exists', { name: existing });
      await ask('exists, and 0 partitions', { name: existing, numPartitions: 0 });
      await ask('exists, and a bad config', { name: existing, configs: [{ name: 'no.such', value: '1' }] });
      await ask('collides with a dot', { name: existing.replace('_', '.') });
      await ask('collides with an underscore', { name: existing.replace('.', '_') });
      await ask('validated only', {}, { validateOnly: true });
      await ask('validated only, exists', { name: existing }, { validateOnly: true });
      for (const name of [
        '',
        '.',
        '..',
        'a/b',
        'ä',
        'a b',
        'x'.repeat(250),
        '__consumer_offsets',
        '__cluster_metadata',
        '__transaction_state',
      ])
        await ask(`name ${name.slice(0, 20)}`, { name }, { validateOnly: true });
      await ask('name of 249', { name: `${peer.prefix}${version}`.padEnd(249, 'x') });
      const assigned = (...ids: number[][]) => ({
        numPartitions: -1,
        replicationFactor: -1,
        assignments: ids.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
      });
      await ask('assigned', assigned([1], [1]));
      await ask('assigned to nobody', assigned([]));
      await ask('assigned to another', assigned([2]));
      await ask('assigned twice', assigned([1, 1]));
      await ask('assigned to -1', assigned([-1]));
      await ask('assigned and counted', { ...assigned([1]), numPartitions: 1 });
      await ask('assigned and replicas counted', { ...assigned([1]), replicationFactor: 1 });
      await ask('assigned with a gap', {
        ...assigned([1]),
        assignments: [{ partitionIndex: 1, brokerIds: [1] }],
      });
      await ask('assigned a partition twice', {
        ...assigned([1]),
        assignments: [
          { partitionIndex: 0, brokerIds: [1] },
          { partitionIndex: 0, brokerIds: [1] },
        ],
      });
      await ask('assigned partition -1', {
        ...assigned([1]),
        assignments: [{ partitionIndex: -1, brokerIds: [1] }],
      });
      if (version === 7)
        for (const [key, value] of CONFIGS)
          await ask(`config ${key}=${value}`, { configs: [{ name: key, value }] }, { validateOnly: true });
      await ask('config twice', {
        configs: [
          { name: 'retention.ms', value: '1' },
          { name: 'retention.ms', value: '2' },
        ],
      });
      await ask('negative time-out', {}, { timeoutMs: -1 });
    }
    const twice = ['a', 'a', 'b'].map((name) => ({
      name: `${peer.prefix}twice-${name}`,
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    }));
    const response = await peer.ask('createTopics', 7, { timeoutMs: 5000, topics: twice } as never);
    see(
      'twice in one request',
      response?.topics.map(({ errorCode, name }) => ({ errorCode, name })),
    );
    see('nothing', await peer.ask('createTopics', 7, { timeoutMs: 5000, topics: [] } as never));
    const collide = ['c.d', 'c_d'].map((name) => ({
      name: `${peer.prefix}${name}`,
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    }));
    const collided = await peer.ask('createTopics', 7, { timeoutMs: 5000, topics: collide } as never);
    see(
      'two that collide in one request',
      collided?.topics.map(({ errorCode, name }) => ({ errorCode, name })),
    );
  },
};

/** Also what the scenarios of configs try. */
export const CONFIGS: readonly (readonly [string, string | null])[] = [
  ['no.such', '1'],
  ['', '1'],
  ['retention.ms', '1000'],
  ['retention.ms', '-1'],
  ['retention.ms', '-2'],
  ['retention.ms', 'abc'],
  ['retention.ms', ''],
  ['retention.ms', ' 1000 '],
  ['retention.ms', '1e3'],
  ['retention.ms', '+5'],
  ['retention.ms', null],
  ['retention.bytes', '-1'],
  ['retention.bytes', '99999999999999999999'],
  ['cleanup.policy', 'compact'],
  ['cleanup.policy', 'compact,delete'],
  ['cleanup.policy', 'delete, compact'],
  ['cleanup.policy', 'delete,delete'],
  ['cleanup.policy', 'Delete'],
  ['cleanup.policy', 'none'],
  ['cleanup.policy', ''],
  ['max.message.bytes', '0'],
  ['max.message.bytes', '-1'],
  ['max.message.bytes', '3000000000'],
  ['min.insync.replicas', '1'],
  ['min.insync.replicas', '0'],
  ['min.insync.replicas', '2'],
  ['compression.type', 'producer'],
  ['compression.type', 'zstd'],
  ['compression.type', 'brotli'],
  ['message.timestamp.type', 'LogAppendTime'],
  ['message.timestamp.type', 'logappendtime'],
  ['message.timestamp.after.max.ms', '-1'],
  ['message.timestamp.before.max.ms', '0'],
  ['unclean.leader.election.enable', 'TRUE'],
  ['unclean.leader.election.enable', 'yes'],
  ['segment.bytes', '1048576'],
  ['segment.bytes', '1024'],
  ['segment.bytes', '13'],
  ['segment.ms', '0'],
  ['segment.ms', '1'],
  ['segment.jitter.ms', '-1'],
  ['segment.index.bytes', '3'],
  ['index.interval.bytes', '0'],
  ['preallocate', 'true'],
  ['flush.messages', '0'],
  ['flush.messages', '1'],
  ['flush.ms', '-1'],
  ['delete.retention.ms', '-1'],
  ['min.compaction.lag.ms', '-1'],
  ['max.compaction.lag.ms', '0'],
  ['min.cleanable.dirty.ratio', '1.5'],
  ['min.cleanable.dirty.ratio', '0.25'],
  ['min.cleanable.dirty.ratio', 'NaN'],
  ['file.delete.delay.ms', '0'],
  ['local.retention.ms', '-2'],
  ['local.retention.bytes', '-2'],
  ['remote.storage.enable', 'false'],
  ['remote.storage.enable', 'true'],
  ['leader.replication.throttled.replicas', '*'],
  ['follower.replication.throttled.replicas', ''],
  ['message.format.version', '3.0'],
  ['message.downconversion.enable', 'true'],
];

const deleteTopics: Scenario = {
  name: 'delete topics',
  deliberate: [[/name and its id/, 'answered as it was first asked']],
  async run(peer, see) {
    for (const version of versionsOf('deleteTopics')) {
      const name = `${peer.prefix}delete-${version}`;
      const topicId = await peer.topic(name);
      const other = `${name}-other`;
      const otherId = await peer.topic(other);
      const ask = async (label: string, names: (string | null)[], ids: string[] = [], timeoutMs = 5000) => {
        const topics = names.map((one, i) => ({ name: one, topicId: ids[i] ?? ZERO_UUID }));
        const body = version >= 6 ? { timeoutMs, topics } : { timeoutMs, topicNames: names };
        see(`v${version} ${label}`, await peer.ask('deleteTopics', version, body as never));
      };
      await ask('nothing', []);
      await ask('unknown', ['nowhere']);
      await ask('illegal', ['no/where']);
      await ask('empty name', ['']);
      await ask('twice', [name, name]);
      if (version >= 6) {
        await ask('unknown id', [null], [UNKNOWN_ID]);
        await ask('id and name', [name], [topicId]);
        await ask('neither', [null]);
        await ask('id twice', [null, null], [otherId, otherId]);
        await ask('name and its id', [other, null], [ZERO_UUID, otherId]);
        await ask('by id', [null], [otherId]);
        await ask('by id again', [null], [otherId]);
      } else await ask('the other', [other]);
      await ask('one', [name]);
      await peer.gone(name);
      await ask('again', [name]);
    }
  },
};

const createPartitions: Scenario = {
  name: 'create partitions',
  deliberate: [[/negative time-out/, 'the local disk alone is waited for']],
  async run(peer, see) {
    for (const version of versionsOf('createPartitions')) {
      const name = `${peer.prefix}partitions-${version}`;
      await peer.topic(name, 2);
      const ask = async (label: string, over: object, head: object = {}) =>
        see(
          `v${version} ${label}`,
          await peer.ask('createPartitions', version, {
            timeoutMs: 5000,
            validateOnly: false,
            ...head,
            topics: [{ name, count: 3, assignments: null, ...over }],
          } as never),
        );
      const assigned = (count: number, ...ids: number[][]) => ({
        count,
        assignments: ids.map((brokerIds) => ({ brokerIds })),
      });
      await ask('validated only', {}, { validateOnly: true });
      await ask('fewer', { count: 1 });
      await ask('the same', { count: 2 });
      await ask('0', { count: 0 });
      await ask('-1', { count: -1 });
      await ask('unknown topic', { name: 'nowhere' });
      await ask('empty topic', { name: '' });
      await ask('assigned too few', assigned(4, [1]));
      await ask('assigned too many', assigned(3, [1], [1]));
      await ask('assigned to another', assigned(3, [9]));
      await ask('assigned to nobody', assigned(3, []));
      await ask('assigned twice', assigned(3, [1, 1]));
      await ask('assigned nothing', assigned(3));
      await ask('assigned', assigned(3, [1]));
      await ask('more', { count: 5 });
      await ask('negative time-out', { count: 6 }, { timeoutMs: -1 });
    }
    const name = `${peer.prefix}partitions-twice`;
    await peer.topic(name, 1);
    const twice = [2, 3].map((count) => ({ name, count, assignments: null }));
    see(
      'twice in one request',
      await peer.ask('createPartitions', 3, { timeoutMs: 5000, topics: twice } as never),
    );
  },
};

const metadata: Scenario = {
  name: 'metadata',
  deliberate: [
    [
      /^v1[01] .*(id|neither)/,
      'ids are looked up in 10 and 11 too, and only what cannot be answered is refused',
    ],
    [/neither/, "an internal error of Kafka's"],
    [/ids and names/, 'what has an id and what has a name are both looked up; Kafka forgets the names'],
  ],
  async run(peer, see) {
    const name = `${peer.prefix}metadata`;
    const topicId = await peer.topic(name, 2);
    for (const version of versionsOf('metadata')) {
      const ask = async (label: string, topics: object[] | null, over: object = {}) => {
        const response = await peer.ask('metadata', version, {
          topics,
          ...(version >= 4 ? { allowAutoTopicCreation: false } : {}),
          ...over,
        } as never);
        const own = response?.topics.filter((topic) => topics !== null || topic.name === name);
        see(`v${version} ${label}`, response && { ...response, topics: own });
      };
      await ask('one', [{ name, topicId: ZERO_UUID }]);
      if (version > 0) await ask('all', null);
      if (version > 0) await ask('none', []);
      if (version >= 4) {
        await ask('unknown', [{ name: 'nowhere', topicId: ZERO_UUID }]);
        await ask('illegal', [{ name: 'no/where', topicId: ZERO_UUID }]);
        await ask('empty name', [{ name: '', topicId: ZERO_UUID }]);
        await ask('too long', [{ name: 'x'.repeat(250), topicId: ZERO_UUID }]);
      }
      await ask('twice', [
        { name, topicId: ZERO_UUID },
        { name, topicId: ZERO_UUID },
      ]);
      if (version < 4) {
        await ask('illegal, may be created', [{ name: 'no/where', topicId: ZERO_UUID }]);
      }
      if (version >= 8)
        await ask(
          'operations',
          [{ name, topicId: ZERO_UUID }],
          version <= 10
            ? { includeClusterAuthorizedOperations: true, includeTopicAuthorizedOperations: true }
            : { includeTopicAuthorizedOperations: true },
        );
      if (version < 10) continue;
      await ask('by id', [{ name: null, topicId }]);
      await ask('unknown id', [{ name: null, topicId: UNKNOWN_ID }]);
      await ask('neither', [{ name: null, topicId: ZERO_UUID }]);
      await ask('id and name', [{ name, topicId }]);
      await ask('id and another name', [{ name: 'nowhere', topicId }]);
      await ask('unknown id and name', [{ name, topicId: UNKNOWN_ID }]);
      await ask('ids and names', [
        { name, topicId: ZERO_UUID },
        { name: null, topicId },
      ]);
    }
  },
};

const pages: Scenario = {
  name: 'describe topic partitions',
  deliberate: [
    [/unknown|illegal/, 'nothing is allowed on a topic that does not exist, and it takes no room in a page'],
    [/empty name/, "an internal error of Kafka's"],
  ],
  async run(peer, see) {
    const names = ['a', 'b', 'c'].map((letter) => `${peer.prefix}pages-${letter}`);
    for (const name of names) await peer.topic(name, 3);
    const topics = names.map((name) => ({ name }));
    const ask = async (label: string, over: object) =>
      see(
        label,
        await peer.ask('describeTopicPartitions', 0, {
          topics,
          responsePartitionLimit: 2000,
          cursor: null,
          ...over,
        } as never),
      );
    await ask('all named', {});
    for (const limit of [1, 2, 3, 4, 6, 9, 10, 0, -1])
      await ask(`limit ${limit}`, { responsePartitionLimit: limit });
    const at = (name: string, partitionIndex: number) => ({ cursor: { topicName: name, partitionIndex } });
    await ask('cursor at the first', at(names[0]!, 0));
    await ask('cursor in the second', at(names[1]!, 2));
    await ask('cursor at the end of the second', at(names[1]!, 3));
    await ask('cursor beyond the second', at(names[1]!, 99));
    await ask('cursor at -1', at(names[1]!, -1));
    await ask('cursor at a topic that is not asked for', at('nowhere', 0));
    await ask('cursor and limit', { ...at(names[0]!, 1), responsePartitionLimit: 3 });
    await ask('unknown and known', { topics: [{ name: 'nowhere' }, ...topics] });
    await ask('unknown with a limit', {
      topics: [...topics, { name: 'nowhere' }],
      responsePartitionLimit: 9,
    });
    await ask('twice', { topics: [...topics, ...topics] });
    await ask('not in order', { topics: [...topics].reverse(), responsePartitionLimit: 4 });
    await ask('illegal name', { topics: [{ name: 'no/where' }] });
    await ask('empty name', { topics: [{ name: '' }] });
  },
};

export const topicScenarios = [createTopics, deleteTopics, createPartitions, metadata, pages];
