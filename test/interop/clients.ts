import { join } from 'node:path';
import {
  goProgram,
  installGo,
  installJava,
  installKcat,
  installPython,
  type JavaVersion,
  javaClassPath,
  PYTHON,
} from './install.ts';

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
export type GroupProtocol = 'classic' | 'consumer';

export const CODECS: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** One client library behind the command line that README.md describes. */
export interface Client {
  name: string;
  /** Whether it can create, list and delete topics. */
  admin: boolean;
  groupProtocols: readonly GroupProtocol[];
  /** How often a member commits, where the contract's 200 ms cannot be had. */
  commitEveryMs?: number;
  /** Codecs whose framings it does not all read. */
  cannotRead?: readonly Codec[];
  /** What it does wrong by itself when a broker dies, with Kafka too (README.md): no member is checked, and a producer may need the broker back. */
  whenBrokerDies?: string;
  install: () => Promise<void>;
  /** What to run, before the verb and its flags; asked for after `install`. */
  command: () => readonly [program: string, ...args: string[]];
}

const PROGRAMS = join(import.meta.dirname, 'clients');

const python = (file: string) => () => [PYTHON, '-B', join(PROGRAMS, 'python', file)] as const;
const node = (file: string) => () => [process.execPath, join(PROGRAMS, 'node', file)] as const;
const go = (name: string) => () => [goProgram(name)] as const;
const java = (version: JavaVersion) => () =>
  [
    'java',
    '-XX:TieredStopAtLevel=1',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    '-cp',
    javaClassPath(version),
    'Client',
  ] as const;

const complete = { admin: true, groupProtocols: ['classic'] } as const;
const both = { admin: true, groupProtocols: ['classic', 'consumer'] } as const;
const nothing = async (): Promise<void> => {};

/** Every client that is checked; the order is that of the table. */
export const CLIENTS: readonly Client[] = [
  {
    name: 'kcat',
    admin: false,
    groupProtocols: ['classic'],
    commitEveryMs: 5_000, // kcat gives auto.commit.interval.ms to the topic, where librdkafka has an older setting so named
    install: installKcat,
    command: () => [join(PROGRAMS, 'kcat/client.sh')],
  },
  { name: 'confluent-kafka', ...both, install: installPython, command: python('confluent.py') },
  { name: 'kafka-python', ...complete, install: installPython, command: python('kafka_python.py') },
  { name: 'aiokafka', ...complete, install: installPython, command: python('aiokafka_client.py') },
  { name: 'kafkajs', ...complete, install: nothing, command: node('kafkajs.ts') },
  {
    name: 'platformatic',
    ...both,
    cannotRead: ['snappy'], // only its raw form: Java, Python and Go clients write xerial frames, and it traps on those
    whenBrokerDies: 'its member ends; what it was writing waits for the very broker',
    install: nothing,
    command: node('platformatic.ts'),
  },
  { name: 'java-4.1', ...both, install: () => installJava('4.1'), command: java('4.1') },
  { name: 'java-2.8', ...complete, install: () => installJava('2.8'), command: java('2.8') },
  { name: 'franz-go', ...complete, install: installGo, command: go('franz') },
  { name: 'sarama', ...complete, install: installGo, command: go('sarama') },
];
