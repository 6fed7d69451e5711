import type { Peer } from '../peer.ts';
import { type Scenario, versionsOf } from '../scenario.ts';
import { CONFIGS } from './topics.ts';

const TOPIC = 2;
const BROKER = 4;

/** Which configs a topic has by itself now, of those named or of all. */
async function own(peer: Peer, resourceName: string, names?: readonly string[]): Promise<unknown> {
  const { results } = await peer.must('describeConfigs', 4, {
    resources: [{ resourceType: TOPIC, resourceName, configurationKeys: null }],
  } as never);
  return results[0]!.configs
    .filter(({ name, configSource }) => configSource === 1 && names?.includes(name) !== false)
    .map(({ name, value }) => ({ name, value }));
}

const alterConfigs: Scenario = {
  name: 'alter configs',
  async run(peer, see) {
    for (const version of versionsOf('alterConfigs')) {
      const resourceName = `${peer.prefix}alter-${version}`;
      await peer.topic(resourceName);
      const ask = async (
        label: string,
        configs: object[] | undefined,
        over: object = {},
        head: object = {},
      ) => {
        const answer = await peer.ask('alterConfigs', version, {
          validateOnly: false,
          ...head,
          resources: [
            {
              resourceType: TOPIC,
              resourceName,
              configs: configs ?? [{ name: 'retention.ms', value: '5000' }],
              ...over,
            },
          ],
        } as never);
        see(`v${version} ${label}`, answer);
        if (answer?.responses[0]?.errorCode !== 0) return;
        await peer.settled();
        see(`v${version} ${label}, after it`, await own(peer, resourceName));
      };
      await ask('set', undefined);
      await ask('another: the first is unset', [{ name: 'retention.bytes', value: '7' }]);
      await ask('validated only', [], {}, { validateOnly: true });
      await ask('null', [{ name: 'retention.ms', value: null }]);
      await ask('bad', [{ name: 'retention.ms', value: 'abc' }]);
      await ask('one bad of two', [
        { name: 'retention.bytes', value: '9' },
        { name: 'no.such', value: '1' },
      ]);
      await ask('twice', [
        { name: 'retention.bytes', value: '9' },
        { name: 'retention.bytes', value: '10' },
      ]);
      await ask('unset all', []);
      await ask('unknown topic', undefined, { resourceName: 'nowhere' });
      await ask('illegal topic', undefined, { resourceName: 'no/where' });
      await ask('empty topic', undefined, { resourceName: '' });
      for (const resourceType of [0, 1, 3, 7, 99, -1])
        await ask(`resource type ${resourceType}`, undefined, { resourceType });
      await ask('another broker', undefined, { resourceType: BROKER, resourceName: '9' });
      await ask('broker abc', undefined, { resourceType: BROKER, resourceName: 'abc' });
    }
  },
};

const incremental: Scenario = {
  name: 'incremental alter configs',
  deliberate: [
    [/subtract all|cleanup\.policy=($|,)/, 'a topic without any policy would keep all for ever by accident'],
    [/append nothing/, 'nothing is appended; Kafka appends an empty policy and refuses it'],
    [/operation/, "an internal error of Kafka's"],
    [/=\+5|NaN/, 'numbers are written as numbers'],
    [/=delete, compact|=TRUE/, 'kept as it was written'],
    [/segment\.bytes=1024/, 'has no effect: a small one is as good'],
  ],
  async run(peer, see) {
    for (const version of versionsOf('incrementalAlterConfigs')) {
      const resourceName = `${peer.prefix}incremental-${version}`;
      await peer.topic(resourceName);
      const ask = async (
        label: string,
        configs: readonly (readonly [string, number, string | null])[],
        over: object = {},
        head: object = {},
      ) => {
        const resources = [
          {
            resourceType: TOPIC,
            resourceName,
            configs: configs.map(([name, configOperation, value]) => ({ name, configOperation, value })),
            ...over,
          },
        ];
        const answer = await peer.ask('incrementalAlterConfigs', version, {
          validateOnly: false,
          ...head,
          resources,
        } as never);
        see(`v${version} ${label}`, answer);
        if (answer?.responses[0]?.errorCode !== 0) return;
        await peer.settled();
        see(
          `v${version} ${label}, after it`,
          await own(
            peer,
            resourceName,
            configs.map(([name]) => name),
          ),
        );
      };
      const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3] as const;
      await ask('nothing', []);
      await ask('append to a default', [['cleanup.policy', APPEND, 'compact']]);
      await ask('append what is there', [['cleanup.policy', APPEND, 'compact']]);
      await ask('subtract', [['cleanup.policy', SUBTRACT, 'delete']]);
      await ask('subtract what is not there', [['cleanup.policy', SUBTRACT, 'delete']]);
      await ask('subtract all', [['cleanup.policy', SUBTRACT, 'compact']]);
      await ask('set again', [['cleanup.policy', SET, 'compact']]);
      await ask('append two', [['cleanup.policy', APPEND, 'delete,compact']]);
      await ask('append a bad one', [['cleanup.policy', APPEND, 'bad']]);
      await ask('append nothing', [['cleanup.policy', APPEND, '']]);
      await ask('append null', [['cleanup.policy', APPEND, null]]);
      await ask('append to a number', [['retention.ms', APPEND, '5']]);
      await ask('subtract from a number', [['retention.ms', SUBTRACT, '5']]);
      await ask('append to the unknown', [['no.such', APPEND, '5']]);
      await ask('set null', [['retention.ms', SET, null]]);
      await ask('set', [['retention.ms', SET, '5']]);
      await ask('delete with a value', [['retention.ms', DELETE, '9']]);
      await ask('delete what is not set', [['retention.ms', DELETE, null]]);
      await ask('delete the unknown', [['no.such', DELETE, null]]);
      await ask('operation 9', [['retention.ms', 9, '5']]);
      await ask('operation -1', [['retention.ms', -1, '5']]);
      await ask('twice', [
        ['retention.ms', SET, '5'],
        ['retention.ms', SET, '6'],
      ]);
      await ask('set and delete', [
        ['retention.ms', SET, '5'],
        ['retention.ms', DELETE, null],
      ]);
      await ask('one bad of two', [
        ['retention.bytes', SET, '9'],
        ['no.such', SET, '1'],
      ]);
      await ask('validated only', [['retention.bytes', SET, '9']], {}, { validateOnly: true });
      for (const [name, value] of version === 1 ? CONFIGS : [])
        await ask(`set ${name}=${value}`, [[name, SET, value]]);
      await ask('unknown topic', [['retention.ms', SET, '5']], { resourceName: 'nowhere' });
      await ask('unknown topic, nothing to change', [], { resourceName: 'nowhere' });
      await ask('illegal topic', [['retention.ms', SET, '5']], { resourceName: 'no/where' });
      for (const resourceType of [0, 1, 3, 7, 99, -1])
        await ask(`resource type ${resourceType}`, [['retention.ms', SET, '5']], { resourceType });
      await ask('another broker', [['log.retention.ms', SET, '5']], {
        resourceType: BROKER,
        resourceName: '9',
      });
      await ask('broker abc', [['log.retention.ms', SET, '5']], {
        resourceType: BROKER,
        resourceName: 'abc',
      });
      await ask('a fixed config of the broker', [['log.dirs', SET, '/tmp']], {
        resourceType: BROKER,
        resourceName: '1',
      });
    }
    const twice = [1, 2].map((value) => ({
      resourceType: TOPIC,
      resourceName: `${peer.prefix}incremental-0`,
      configs: [{ name: 'retention.ms', configOperation: 0, value: `${value}` }],
    }));
    see('resource twice', await peer.ask('incrementalAlterConfigs', 1, { resources: twice } as never));
    see('no resources', await peer.ask('incrementalAlterConfigs', 1, { resources: [] } as never));
  },
};

const describeConfigs: Scenario = {
  name: 'describe configs',
  deliberate: [
    [/synonyms/, 'Kafka lists no default where it comes from another config (log.retention.hours)'],
    [/no keys|value of (segment\.bytes|message\.timestamp\.after)/, "the hub's own defaults"],
    [/this broker/, 'the node id is as it comes'],
    [/all brokers/, 'nothing is set for all brokers'],
    [/resource twice/, 'described once, or a small request could ask for gigabytes'],
  ],
  async run(peer, see) {
    const resourceName = `${peer.prefix}described`;
    await peer.topic(resourceName, 1, { 'retention.ms': '5000', 'cleanup.policy': 'compact' });
    await peer.settled();
    for (const version of versionsOf('describeConfigs')) {
      const ask = async (label: string, over: object, head: object = {}) =>
        see(
          `v${version} ${label}`,
          await peer.ask('describeConfigs', version, {
            resources: [{ resourceType: TOPIC, resourceName, configurationKeys: ['retention.ms'], ...over }],
            ...head,
          } as never),
        );
      await ask('one key', {});
      await ask('one key and synonyms', {}, { includeSynonyms: true });
      await ask(
        'a default and its synonyms',
        { configurationKeys: ['segment.ms'] },
        { includeSynonyms: true },
      );
      await ask('an unknown key', { configurationKeys: ['no.such'] });
      await ask('no keys', { configurationKeys: [] });
      await ask('a key twice', { configurationKeys: ['retention.ms', 'retention.ms'] });
      await ask('unknown topic', { resourceName: 'nowhere' });
      await ask('illegal topic', { resourceName: 'no/where' });
      await ask('empty topic', { resourceName: '' });
      for (const resourceType of [0, 1, 3, 7, 99, -1])
        await ask(`resource type ${resourceType}`, { resourceType });
      await ask('this broker', { resourceType: BROKER, resourceName: '1', configurationKeys: ['node.id'] });
      await ask('all brokers', { resourceType: BROKER, resourceName: '', configurationKeys: null });
      await ask('another broker', { resourceType: BROKER, resourceName: '9', configurationKeys: null });
      await ask('broker abc', { resourceType: BROKER, resourceName: 'abc', configurationKeys: null });
      const { results } = await peer.must('describeConfigs', version, {
        resources: [{ resourceType: TOPIC, resourceName, configurationKeys: null }],
      } as never);
      for (const { name, value, configType } of results[0]!.configs)
        see(`v${version} value of ${name}`, { value, configType });
    }
    const twice = [1, 2].map(() => ({
      resourceType: TOPIC,
      resourceName,
      configurationKeys: ['retention.ms'],
    }));
    see('resource twice', await peer.ask('describeConfigs', 4, { resources: twice } as never));
  },
};

export const configScenarios = [alterConfigs, incremental, describeConfigs];
