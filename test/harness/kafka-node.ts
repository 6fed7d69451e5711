import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kafkaTool } from '../setup/kafka-jars.ts';
import { run, TestProcess } from './process.ts';

const CLUSTER_ID = 'RWRnZWxvZ0JlbmNobWFyaw';

export type KafkaProperties = Readonly<Record<string, string | number>>;

export interface FormatOptions {
  /** Made if missing; the log and the properties lie in it. */
  dir: string;
  properties: KafkaProperties;
  /** `SCRAM-SHA-256=[name=…,password=…]` for each user and mechanism. */
  scram?: readonly string[];
  /** Of the JVM that formats. */
  jvm?: readonly string[];
}

/**
 * Writes the properties of one KRaft node and formats its directory. Users take Kafka's own tool, and so a JVM; without any, what tells a
 * directory's owner is enough, and the node takes the features of its version.
 */
export async function formatNode({ dir, properties, scram = [], jvm = [] }: FormatOptions): Promise<void> {
  const log = join(dir, 'log');
  mkdirSync(log, { recursive: true });
  const write = (path: string, all: KafkaProperties): void =>
    writeFileSync(
      path,
      Object.entries(all)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
  write(propertiesOf(dir), { ...properties, 'log.dirs': log });
  if (scram.length === 0) {
    const own = { version: 1, 'cluster.id': CLUSTER_ID, 'node.id': properties['node.id']! };
    write(join(log, 'meta.properties'), { ...own, 'directory.id': randomBytes(16).toString('base64url') });
    return;
  }
  const users = scram.flatMap((user) => ['--add-scram', user]);
  const format = ['format', '-t', CLUSTER_ID, '-c', propertiesOf(dir), ...users];
  const { code, stdout, stderr } = await run('java', [
    ...jvm,
    ...kafkaTool('kafka.tools.StorageTool', ...format),
  ]);
  if (code !== 0) throw new Error(`kafka-storage format ended with ${code}: ${stderr}${stdout}`);
}

/** Empties the directory of a node that has ended: it is of another cluster from then on, with the same properties. Without users. */
export function renewNode(dir: string, clusterId: string): void {
  const log = join(dir, 'log');
  const owner = readFileSync(join(log, 'meta.properties'), 'utf8');
  rmSync(log, { recursive: true });
  mkdirSync(log);
  writeFileSync(join(log, 'meta.properties'), owner.replace(/^cluster\.id=.*$/m, `cluster.id=${clusterId}`));
}

/** Starts a node in a directory that was formatted. The kernel kills it when whoever started it is gone. */
export function runNode(dir: string, jvm: readonly string[], name = 'kafka'): TestProcess {
  const node = ['java', ...jvm, ...kafkaTool('kafka.Kafka', propertiesOf(dir))];
  return new TestProcess(name, 'setpriv', ['--pdeathsig', 'KILL', ...node]);
}

/** As many copies as there are nodes; two of three make an acknowledgement. */
export function replicationOf(nodes: number): KafkaProperties {
  const inSync = Math.min(nodes, 2);
  return {
    'default.replication.factor': nodes,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': nodes,
    'transaction.state.log.replication.factor': nodes,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': nodes,
    'share.coordinator.state.topic.min.isr': inSync,
  };
}

const propertiesOf = (dir: string): string => join(dir, 'server.properties');
