import { rmSync } from 'node:fs';
import { Connection } from '@edgelog/client';
import { type AgentStore, agentStore, silent } from '@edgelog/sim';
import { startUplink, type Uplink } from '@edgelog/sync';
import { apis, ErrorCode, errorName } from '@edgelog/wire';
import { ClusterProcesses } from '../harness/cluster-processes.ts';
import { sleep, until } from '../harness/wait.ts';
import { type BenchOptions, printTable } from './report.ts';
import { scratchDir } from './scratch.ts';
import { cpuSeconds } from './usage.ts';

/** At scale 1. */
const PARTITIONS = 6_000;
const GATEWAYS = 600;
/** They come before those that are counted. */
const FIRST_GATEWAYS = 200;
/** Kafka's limit on one request is higher; what is wanted here is partitions, not topics. */
const TOPIC_PARTITIONS = 500;
const SETTLE_MS = 5_000;
const IDLE_MS = 10_000;
const WAIT_MS = 120_000;

/**
 * What one more partition and one more gateway cost the brokers of a cluster and its etcd, idle; and how fast the controller
 * gives the partitions of a killed broker to others.
 */
export async function benchUnits({ scale }: BenchOptions): Promise<void> {
  const partitions = Math.ceil((PARTITIONS * scale) / TOPIC_PARTITIONS) * TOPIC_PARTITIONS;
  const gateways = Math.ceil(GATEWAYS * scale);
  const dir = scratchDir();
  const cluster = await ClusterProcesses.start({ parent: dir, network: false, etcdMembers: 1 });
  const connected: Gateway[] = [];
  try {
    await sleep(SETTLE_MS);
    const empty = await usage(cluster);
    const startedAt = performance.now();
    await createTopics(cluster, partitions / TOPIC_PARTITIONS);
    const createSeconds = (performance.now() - startedAt) / 1_000;
    await sleep(SETTLE_MS);
    const wide = await usage(cluster);
    const connect = async (count: number): Promise<Usage> => {
      while (connected.length < count) connected.push(await startGateway(cluster, connected.length));
      await until('all gateways were acknowledged', () => connected.every(isDrained), WAIT_MS);
      await sleep(SETTLE_MS);
      return usage(cluster);
    };
    const some = await connect(FIRST_GATEWAYS); // those pay for the memory of traffic as such
    const full = await connect(FIRST_GATEWAYS + gateways);
    await Promise.all(connected.splice(0).map(({ uplink }) => uplink.stop()));
    const failoverSeconds = await failover(cluster);
    const per = (to: Usage, from: Usage, count: number): string[] =>
      SIZES.map((of) => ((to[of] - from[of]) / count / 1024).toFixed(2));
    printTable(
      `Three brokers: ${partitions.toLocaleString('en')} partitions of three replicas, then ${gateways} more gateways with a stream each`,
      [
        '',
        'KiB of the broker gateways are at',
        'KiB of each other broker',
        'KiB in etcd',
        'CPU ms/s of a broker, idle',
        'CPU ms/s of etcd, idle',
      ],
      [
        ['nothing', ...SIZES.map((of) => (empty[of] / 1024).toFixed(0)), ...cpu(empty)],
        ['each partition', ...per(wide, empty, partitions), ...cpu(wide)],
        ['each gateway', ...per(full, some, gateways), ...cpu(full)],
      ],
    );
    printTable(
      'The controller',
      ['work', 'seconds', 'partitions/s'],
      [
        ['partitions created', createSeconds.toFixed(2), (partitions / createSeconds).toFixed(0)],
        [
          'led again after kill -9 of one broker',
          failoverSeconds.toFixed(2),
          (partitions / 3 / failoverSeconds).toFixed(0),
        ],
      ],
    );
  } finally {
    await Promise.all(connected.map(({ uplink }) => uplink.stop()));
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Usage {
  /** Private memory of the first broker, */
  readonly firstBytes: number;
  /** and of the others, the mean. */
  readonly otherBytes: number;
  /** What etcd holds, as its database counts it. */
  readonly etcdBytes: number;
  readonly brokerCpuMs: number;
  readonly etcdCpuMs: number;
}

const SIZES = ['firstBytes', 'otherBytes', 'etcdBytes'] as const;

const cpu = ({ brokerCpuMs, etcdCpuMs }: Usage): string[] => [brokerCpuMs.toFixed(1), etcdCpuMs.toFixed(1)];

/** Also uses ten idle seconds for it. */
async function usage({ brokers, etcd }: ClusterProcesses): Promise<Usage> {
  const client = etcd.client();
  const [member] = etcd.members;
  const cpuOf = (): [brokers: number, etcd: number] => [
    brokers.reduce((sum, { process }) => sum + cpuSeconds(process), 0) / brokers.length,
    cpuSeconds({ pid: member!.pid }),
  ];
  try {
    const before = cpuOf();
    await sleep(IDLE_MS);
    const after = cpuOf();
    const [account] = await client.status();
    if (account === undefined || 'error' in account) throw new Error('etcd does not tell its size');
    const [brokerCpuMs, etcdCpuMs] = after.map((one, i) => ((one - before[i]!) * 1_000) / (IDLE_MS / 1_000));
    const [firstBytes, ...otherBytes] = brokers.map(({ process }) => process.privateBytes());
    return {
      firstBytes: firstBytes!,
      otherBytes: otherBytes.reduce((sum, bytes) => sum + bytes, 0) / otherBytes.length,
      etcdBytes: account.dbBytesInUse,
      brokerCpuMs: brokerCpuMs!,
      etcdCpuMs: etcdCpuMs!,
    };
  } finally {
    client.close();
  }
}

async function createTopics({ brokers }: ClusterProcesses, count: number): Promise<void> {
  const connection = await connectTo(brokers[0]!.ports.kafka);
  try {
    for (let i = 0; i < count; i++) {
      const { topics } = await connection.request(apis.createTopics, {
        timeoutMs: WAIT_MS,
        topics: [
          {
            name: `wide-${i}`,
            numPartitions: TOPIC_PARTITIONS,
            replicationFactor: -1,
            assignments: [],
            configs: [],
          },
        ],
      });
      const { errorCode } = topics[0]!;
      if (errorCode !== ErrorCode.NONE) throw new Error(`wide-${i}: ${errorName(errorCode)}`);
    }
    await until('all partitions are led', () => isLed(connection), WAIT_MS);
  } finally {
    connection.close();
  }
}

const connectTo = (port: number): Promise<Connection> =>
  Connection.open({ host: '127.0.0.1', port }, { clientId: 'bench', timeoutMs: WAIT_MS });

async function isLed(connection: Connection): Promise<boolean> {
  const { topics } = await connection.request(apis.metadata, { topics: null });
  return topics.every(({ partitions }) => partitions.every(({ leaderId }) => leaderId >= 0));
}

interface Gateway {
  readonly uplink: Uplink;
  readonly port: AgentStore;
}

async function startGateway({ brokers }: ClusterProcesses, index: number): Promise<Gateway> {
  const port = agentStore({ gateway: `gateway-${index}`, topics: ['wide-0'], keepAcked: 0 });
  await port.ingest(0, [index]);
  const urls = [`ws://127.0.0.1:${brokers[0]!.ports.sync}`];
  return { uplink: startUplink({ urls, port, log: silent }), port };
}

/** By the gateway's disk: what was acknowledged by the position alone, when its stream was opened again, no uplink counts. */
const isDrained = ({ port }: Gateway): boolean => port.stored().every(({ drained }) => drained);

/** Seconds until nothing is led by the broker that was killed. */
async function failover({ brokers }: ClusterProcesses): Promise<number> {
  const [first, killed] = brokers;
  const connection = await connectTo(first!.ports.kafka);
  try {
    const startedAt = performance.now();
    await killed!.kill();
    await until(
      'others lead',
      async () => {
        const { topics } = await connection.request(apis.metadata, { topics: null });
        return topics.every(({ partitions }) =>
          partitions.every(({ leaderId }) => leaderId >= 0 && leaderId !== killed!.id),
        );
      },
      WAIT_MS,
    );
    return (performance.now() - startedAt) / 1_000;
  } finally {
    connection.close();
  }
}
