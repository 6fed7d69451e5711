import { formatNode, type KafkaProperties, runNode } from '../harness/kafka-node.ts';
import type { TestProcess } from '../harness/process.ts';

/** As bin/kafka-server-start.sh and bin/kafka-run-class.sh start it. */
const JVM = [
  ...['-Xmx1G', '-Xms1G', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'],
  ...[
    '-XX:InitiatingHeapOccupancyPercent=35',
    '-XX:+ExplicitGCInvokesConcurrent',
    '-Djava.awt.headless=true',
  ],
];

export interface KafkaPeerOptions {
  dir: string;
  /** For clients, and for the controller in the same process. */
  ports: { kafka: number; controller: number };
  /** Beside those of config/server.properties as shipped. */
  properties?: KafkaProperties;
}

/** Writes the configuration of one KRaft node, broker and controller, and formats its directory. */
export async function formatKafka({ dir, ports, properties = {} }: KafkaPeerOptions): Promise<void> {
  const shipped = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${ports.kafka},CONTROLLER://127.0.0.1:${ports.controller}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'num.network.threads': 3,
    'num.io.threads': 8,
    'socket.send.buffer.bytes': 102_400,
    'socket.receive.buffer.bytes': 102_400,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
  };
  await formatNode({ dir, properties: { ...shipped, ...properties } });
}

export function startKafka(dir: string): TestProcess {
  return runNode(dir, JVM);
}
