import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTopic } from '../scenarios.ts';
import { expectEqual, expectMatch, expectNoMatch, type Toolbox, type ToolScenario } from './toolbox.ts';

const TOPIC = 'configured';

const describe = (tools: Toolbox, ...args: string[]) => tools.ok('configs', ['--describe', ...args]);
const alter = (tools: Toolbox, ...args: string[]) =>
  tools.ok('configs', ['--alter', '--topic', TOPIC, ...args]);

export const CONFIG_SCENARIOS: readonly ToolScenario[] = [
  {
    name: 'configs: alter and describe a topic',
    run: async (tools) => {
      await createTopic(tools.hub, TOPIC, 1);
      await alter(tools, '--add-config', 'retention.ms=7200000,cleanup.policy=[compact,delete]');
      const set = await describe(tools, '--entity-type', 'topics', '--entity-name', TOPIC);
      expectMatch(
        set,
        /^ {2}retention\.ms=7200000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:retention\.ms=7200000, .*DEFAULT_CONFIG:/m,
        /^ {2}cleanup\.policy=compact,delete sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:cleanup\.policy=compact,delete, /m,
      );
      await alter(tools, '--delete-config', 'retention.ms');
      expectNoMatch(await describe(tools, '--topic', TOPIC), /retention\.ms/);
      expectMatch(await describe(tools, '--topic', TOPIC, '--all'), /^ {2}retention\.ms=604800000 /m);
      const file = join(tools.dir, 'topic.properties');
      writeFileSync(file, 'max.message.bytes=2000000\nsegment.ms=3600000\n');
      await alter(tools, '--add-config-file', file);
      expectMatch(
        await describe(tools, '--topic', TOPIC),
        /max\.message\.bytes=2000000/,
        /segment\.ms=3600000/,
      );
      expectMatch(
        await describe(tools, '--entity-type', 'topics'),
        new RegExp(`^Dynamic configs for topic ${TOPIC} are:\\n {2}cleanup`, 'm'),
      );
    },
  },
  {
    name: 'configs: what is not allowed is refused with the reason',
    run: async (tools) => {
      const refused = (...args: string[]) => tools.refused('configs', ['--alter', ...args]);
      expectMatch(await refused('--topic', TOPIC, '--add-config', 'retention.ms=soon'), /retention\.ms=soon/);
      expectMatch(await refused('--topic', TOPIC, '--add-config', 'retention.mz=1'), /retention\.mz/);
      expectMatch(
        await refused('--topic', TOPIC, '--delete-config', 'flush.ms'),
        /Invalid config\(s\): flush\.ms/,
      );
      expectMatch(
        await refused('--topic', 'nowhere', '--add-config', 'retention.ms=1'),
        /'nowhere' doesn't exist|UnknownTopic/,
      );
      expectMatch(
        await refused('--broker', '1', '--add-config', 'log.retention.ms=1'),
        /InvalidRequestException/,
      );
    },
  },
  {
    name: 'configs: describe a broker, its defaults, a group, and what has none',
    run: async (tools) => {
      const all = await describe(tools, '--all', '--entity-type', 'brokers', '--entity-name', '1');
      expectMatch(
        all,
        /^ {2}node\.id=1 sensitive=false synonyms=\{\w+:node\.id=1\}/m,
        /^ {2}log\.dirs=\S+ sensitive=false synonyms=\{STATIC_BROKER_CONFIG:log\.dirs=/m,
        new RegExp(`^ {2}advertised\\.listeners=PLAINTEXT://${tools.hub.bootstrap} `, 'm'),
      );
      expectMatch(await describe(tools, '--broker-defaults'), /^Default configs for brokers/);
      expectMatch(
        await describe(tools, '--group', 'described', '--all'),
        /^ {2}consumer\.session\.timeout\.ms=45000 /m,
      );
      expectMatch(await describe(tools, '--client-metrics', 'any'), /client-metric 'any' doesn't exist/);
      for (const type of ['client-metrics', 'users', 'clients', 'ips'])
        expectEqual(type, await describe(tools, '--entity-type', type), '');
    },
  },
];
