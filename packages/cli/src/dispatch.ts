import { readFileSync } from 'node:fs';
import { didYouMean, reportFatal } from '@edgelog/runtime';

interface Command {
  readonly summary: string;
  /** Loaded when it is called, so that `edgelog topics` does not pay for the hub. */
  readonly run: (argv: string[]) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  dev: {
    summary: 'Hub, agent and simulated devices on this machine, with a live view.',
    run: async (argv) => (await import('./dev/command.ts')).devCommand(argv),
  },
  hub: {
    summary: 'The broker: Kafka clients consume from it, agents replicate to it.',
    run: async (argv) => (await import('@edgelog/hub')).hubCommand(argv),
  },
  agent: {
    summary: 'The gateway process: takes readings over MQTT and serial lines to its disk and on to the hub.',
    run: async (argv) => (await import('@edgelog/agent')).agentCommand(argv),
  },
  routes: {
    summary: "Try the routes of an agent's configuration on messages, without storing or sending them.",
    run: async (argv) => (await import('@edgelog/agent')).routesCommand(argv),
  },
  topics: {
    summary: 'List, describe, create, alter and delete topics.',
    run: async (argv) => (await import('./topics/command.ts')).topicsCommand(argv),
  },
  configs: {
    summary: 'Describe and alter the configuration of topics and brokers.',
    run: async (argv) => (await import('./configs/command.ts')).configsCommand(argv),
  },
  groups: {
    summary: 'Consumer groups with their lag: list, describe, delete, reset offsets.',
    run: async (argv) => (await import('./groups/command.ts')).groupsCommand(argv),
  },
  cluster: {
    summary: 'Brokers: describe, drain, add, unregister; move partitions, elect leaders.',
    run: async (argv) => (await import('./cluster/command.ts')).clusterCommand(argv),
  },
  produce: {
    summary: 'Send lines of standard input to a topic.',
    run: async (argv) => (await import('./produce/command.ts')).produceCommand(argv),
  },
  consume: {
    summary: 'Print records of a topic.',
    run: async (argv) => (await import('./consume/command.ts')).consumeCommand(argv),
  },
  tail: {
    summary: 'Print records that are on a gateway, online or not.',
    run: async (argv) => (await import('./tail/command.ts')).tailCommand(argv),
  },
  users: {
    summary: 'Users of a gateway, for MQTT or its page: add, remove, list.',
    run: async (argv) => (await import('./users/command.ts')).usersCommand(argv),
  },
  doctor: {
    summary: 'Try the way to a hub or a Kafka cluster, and say what would go wrong.',
    run: async (argv) => (await import('./doctor/command.ts')).doctorCommand(argv),
  },
  verify: {
    summary: 'Check every stored batch of a data directory.',
    run: async (argv) => (await import('./inspect/verify.ts')).verifyCommand(argv),
  },
  dump: {
    summary: 'Print the stored batches of a partition.',
    run: async (argv) => (await import('./inspect/dump.ts')).dumpCommand(argv),
  },
  serial: {
    summary: 'Serial ports of this machine: list, and probe what speaks on one.',
    run: async (argv) => (await import('./serial/command.ts')).serialCommand(argv),
  },
  devices: {
    summary: 'Device profiles; simulated devices: a fleet over MQTT, an instrument on a serial line.',
    run: async (argv) => (await import('@edgelog/devices')).devicesCommand(argv),
  },
};

const USAGE_STATUS = 2;

/** Runs `edgelog …` and resolves with the exit status: 0 done, 1 a fault, 2 a command that does not exist. */
export async function dispatch(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--help' || name === '-h' || name === 'help') {
    const [topic] = rest;
    if (name !== 'help' || topic === undefined) {
      process.stdout.write(usage());
      return 0;
    }
    return dispatch([topic, '--help']);
  }
  if (name === '--version' || name === '-v' || name === 'version') {
    process.stdout.write(`edgelog ${readVersion()} (node ${process.version})\n`);
    return 0;
  }
  if (name === undefined) {
    process.stderr.write(usage());
    return USAGE_STATUS;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const hint = didYouMean(name, Object.keys(COMMANDS));
    process.stderr.write(`edgelog: unknown command ${JSON.stringify(name)}${hint}; see edgelog --help\n`);
    return USAGE_STATUS;
  }
  try {
    return await command.run(rest);
  } catch (error) {
    return reportFatal(error);
  }
}

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`);
  return `Usage: edgelog COMMAND [flags]

Sensor data from gateways to Kafka consumers, with none of it lost.

${lines.join('\n')}

edgelog COMMAND --help tells the flags of a command; edgelog --version the version.
`;
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return (manifest as { version: string }).version;
}
