import { join } from 'node:path';
import { expect, test } from 'vitest';
import { java } from '../harness/java.ts';
import { javaHub } from '../harness/java-hub.ts';
import { askKafka } from '../harness/kafka-raw.ts';

const PROGRAM = join(import.meta.dirname, 'java/ConfigKeys.java');
const TYPES = ['', 'BOOLEAN', 'STRING', 'INT', 'SHORT', 'LONG', 'DOUBLE', 'LIST', 'CLASS', 'PASSWORD'];
const [TOPIC, BROKER] = [2, 4];

/** Where the hub's default is its own. */
const OWN_DEFAULTS = new Map([
  // Segments of the hub hold all partitions of it.
  ['segment.bytes', '268435456'],
  // Clocks of gateways may be far ahead.
  ['message.timestamp.after.max.ms', '9223372036854775807'],
]);
/** Kafka keeps these for topics whose broker says so with another unit, or not at all. */
const NAMED_OTHERWISE = new Set(['segment.ms', 'segment.jitter.ms']);

const hub = javaHub("the comparison with Kafka's configs");

async function described(resourceType: number, resourceName: string) {
  const { results } = await askKafka(hub.system.ports.kafka, 'describeConfigs', 4, {
    resources: [{ resourceType, resourceName, configurationKeys: null }],
    includeSynonyms: true,
    includeDocumentation: true,
  });
  return results[0]!.configs;
}

test.skipIf(hub.skip)(
  'configs have the names, types, defaults and synonyms of Kafka 4.1, and each says what it does',
  async () => {
    const printed = (await java(PROGRAM, [])).trim().split('\n');
    const known = printed.map((line) => line.split('\t') as [string, string, string, string, string]);
    await askKafka(hub.system.ports.kafka, 'metadata', 4, {
      topics: [{ name: 'any' }],
      allowAutoTopicCreation: true,
    });

    const ofTopic = await described(TOPIC, 'any');
    const theirs = known
      .filter(([kind]) => kind === 'topic')
      .map(([, name, type, value, brokerName]) => ({
        name,
        type,
        value: OWN_DEFAULTS.get(name) ?? value,
        synonym: NAMED_OTHERWISE.has(name) || brokerName === 'null' ? 'none' : brokerName,
      }));
    const ours = ofTopic.map(({ name, configType, value, synonyms }) => ({
      name,
      type: TYPES[configType]!,
      value,
      synonym: NAMED_OTHERWISE.has(name) ? 'none' : (synonyms[0]?.name ?? 'none'),
    }));
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    expect(ours.sort(byName)).toEqual(theirs.sort(byName));

    const ofBroker = await described(BROKER, '1');
    const types = new Map(known.filter(([kind]) => kind === 'broker').map(([, name, type]) => [name, type]));
    expect(ofBroker.map(({ name, configType }) => [name, TYPES[configType]])).toEqual(
      ofBroker.map(({ name }) => [name, types.get(name)]),
    );
    for (const { name, documentation, isSensitive } of [...ofTopic, ...ofBroker])
      expect([name, documentation?.endsWith('.'), isSensitive]).toEqual([name, true, false]);
  },
);
