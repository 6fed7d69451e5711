/** `npm run bench [-- agent|hub|idle|partitions|backlog|groups|cluster|units|kafka] [--help]`: Edgelog beside its real peers, in turn, in one run. */
import { parseArgs } from 'node:util';
import { installPeers } from '../setup/peers.ts';
import { benchAgent } from './agent/agent.ts';
import { benchBacklog } from './backlog.ts';
import { benchCluster } from './cluster.ts';
import { benchGroups } from './groups.ts';
import { benchHub } from './hub.ts';
import { benchIdle } from './idle.ts';
import { benchKafka } from './kafka/kafka.ts';
import { benchPartitions } from './partitions.ts';
import { type BenchOptions, KINDS } from './report.ts';
import { benchUnits } from './units.ts';

const HELP = `Usage: npm run bench [-- agent|hub|idle|partitions|backlog|groups|cluster|units|kafka] [-- --scale N] [-- --profile]

Without a word: agent and hub.

  agent   MQTT QoS 1 into the agent, Mosquitto and NATS in turn; bytes written to the block device; start, memory and
          drain with 2 GB of backlog; bytes on the uplink; 10,000 agents at one hub. Needs Go for NATS
  hub     Kafka's ProducerPerformance and ConsumerPerformance against the hub and Kafka in turns,
          each with and without flushing before it acknowledges
  idle    memory of 10,000 connections that say nothing, to Kafka and to the hub
  partitions  5,000 partitions: time to make and to start with them, memory, latency
  backlog a consumer reading 10 GB from the start while a producer runs: latency of both; then starts on
          what is stored, and what they read of it (as root: from an empty page cache). Takes 12 GB of disk
  cluster three brokers beside three of Kafka: produce, memory, kill -9 of a leader, moving 1 GB
  kafka   an agent's backlog of 1 GB, and that of ten agents, into one real Kafka broker, beside ProducerPerformance with the
          same batch sizes and kcat -P
  units   what one more partition and one more gateway cost a cluster, idle
  groups  1,000 consumers in 100 groups, of both protocols: until all are stable, and after each lost one
  --scale N   multiply the amounts of work (default 1: about half an hour; 0.05 for a smoke run)
  --rounds N  agent, hub, cluster, kafka: how often each work is done (default 3)
  --only KIND hub: only works of this kind: produce, consume (which must produce first), acknowledge;
              agent: load, flash, backlog, uplink, sessions
  --batch-kib N  kafka: size of the batches of all (default 128)
  --profile   agent, hub: run each work once more under --cpu-prof and print the top functions

Absolute figures depend on the machine; the ratios are what to look at.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'all' },
    'batch-kib': { type: 'string', default: '128' },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean' },
  },
});
const scale = Number(values.scale);
const rounds = Number(values.rounds);
const batchKib = Number(values['batch-kib']);
const only = KINDS.find((kind) => kind === values.only);
const parts: Record<string, (options: BenchOptions) => Promise<void>> = {
  agent: benchAgent,
  hub: benchHub,
  idle: benchIdle,
  partitions: benchPartitions,
  backlog: benchBacklog,
  groups: benchGroups,
  cluster: benchCluster,
  units: benchUnits,
  kafka: benchKafka,
};
const BY_DEFAULT = ['agent', 'hub'];
const unknown = positionals.find((name) => parts[name] === undefined);

if (values.help === true) console.log(HELP);
else if (
  unknown !== undefined ||
  !(scale > 0) ||
  !(Number.isInteger(rounds) && rounds > 0) ||
  !(Number.isInteger(batchKib) && batchKib > 0) ||
  only === undefined
) {
  console.error(
    unknown !== undefined
      ? `no bench named ${unknown}\n\n${HELP}`
      : `--scale ${values.scale} --rounds ${values.rounds} --only ${values.only} --batch-kib ${values['batch-kib']}: numbers above 0, and a kind\n\n${HELP}`,
  );
  process.exitCode = 2;
} else {
  installPeers();
  for (const name of positionals.length > 0 ? positionals : BY_DEFAULT)
    await parts[name]!({ scale, rounds, only, batchKib, profile: values.profile });
}
