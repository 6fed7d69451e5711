/** `npm run bench [-- agent|hub] [--help]`: Edgelog beside its real peers, in turn, in one run. */
import { parseArgs } from 'node:util';
import { installPeers } from '../setup/peers.ts';
import { benchAgent } from './agent.ts';
import { benchHub } from './hub.ts';
import type { BenchOptions } from './report.ts';

const HELP = `Usage: npm run bench [-- agent|hub] [-- --scale N] [-- --profile]

  agent   MQTT QoS 1 from a raw-socket generator into the agent, and into Mosquitto in turn
  hub     Kafka's ProducerPerformance and ConsumerPerformance against the hub
  --scale N   multiply the amounts of work (default 1: about two minutes; 0.05 for a smoke run)
  --profile   run each work once more under --cpu-prof and print the top functions

Absolute figures depend on the machine; the ratios are what to look at.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: 'string', default: '1' },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean' },
  },
});
const scale = Number(values.scale);
const parts: Record<string, (options: BenchOptions) => Promise<void>> = { agent: benchAgent, hub: benchHub };
const unknown = positionals.find((name) => parts[name] === undefined);

if (values.help === true) console.log(HELP);
else if (unknown !== undefined || !(scale > 0)) {
  console.error(
    unknown === undefined
      ? `--scale ${values.scale}: a number above 0`
      : `no bench named ${unknown}\n\n${HELP}`,
  );
  process.exitCode = 2;
} else {
  installPeers();
  for (const name of positionals.length > 0 ? positionals : Object.keys(parts))
    await parts[name]!({ scale, profile: values.profile });
}
