import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, TestProcess } from '../harness/process.ts';
import { kafkaTool } from '../setup/kafka-jars.ts';

/** As bin/kafka-server-start.sh and bin/kafka-run-class.sh start it. */
const JVM = [
  ...['-Xmx1G', '-Xms1G', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'],
  ...[
    '-XX:InitiatingHeapOccupancyPercent=35',
    '-XX:+ExplicitGCInvokesConcurrent',
    '-Djava.awt.headless=true',
  ],
];

const CLUSTER_ID = 'RWRnZWxvZ0JlbmNobWFyaw';

export interface KafkaPeerOptions {
  dir: string;
  /** For clients, and for the controller in the same process. */
  ports: { kafka: number; controller: number };
  /** Added to config/server.properties as shipped. */
  properties?: readonly string[];
}

/** Writes the configuration of one KRaft node, broker and controller, and formats its directory. */
export async function formatKafka({ dir, ports, properties = [] }: KafkaPeerOptions): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const lines = [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${ports.controller}`,
    `listeners=PLAINTEXT://127.0.0.1:${ports.kafka},CONTROLLER://127.0.0.1:${ports.controller}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    `log.dirs=${join(dir, 'log')}`,
    ...['num.network.threads=3', 'num.io.threads=8'],
    ...['socket.send.buffer.bytes=102400', 'socket.receive.buffer.bytes=102400'],
    ...['offsets.topic.replication.factor=1', 'transaction.state.log.replication.factor=1'],
    ...['transaction.state.log.min.isr=1', 'share.coordinator.state.topic.replication.factor=1'],
    ...['share.coordinator.state.topic.min.isr=1', 'group.initial.rebalance.delay.ms=0'],
    ...properties,
  ];
  writeFileSync(propertiesOf(dir), `${lines.join('\n')}\n`);
  const format = kafkaTool('kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', propertiesOf(dir));
  const { code, stdout, stderr } = await run('java', format);
  if (code !== 0) throw new Error(`kafka-storage format ended with ${code}: ${stderr}${stdout}`);
}

export function startKafka(dir: string): TestProcess {
  return new TestProcess('kafka', 'java', [...JVM, ...kafkaTool('kafka.Kafka', propertiesOf(dir))]);
}

const propertiesOf = (dir: string): string => join(dir, 'server.properties');
