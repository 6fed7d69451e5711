import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Child, type ChildOptions, edgelogCommand } from './child.ts';
import { etcdCommand } from './etcd.ts';
import { hasProgram } from './has-program.ts';
import type { DevPlan, HubAddresses } from './ports.ts';
import { ensureDemoTopic } from './topic.ts';

const STOP_TIMEOUT_MS = 15_000;
const REPLICATION_MAX = 3;

export interface TreeOptions {
  readonly plan: DevPlan;
  readonly onMessage: (message: unknown) => void;
  readonly onChange: (child: Child) => void;
}

/** The processes of the demo: hub or etcd and brokers, agent, and the devices that are simulated. */
export class Tree {
  readonly etcd: Child | undefined;
  readonly hubs: readonly Child[];
  readonly agent: Child;
  readonly fleet: Child | undefined;
  readonly serial: Child | undefined;
  /** Set when a scale was asked for and cannot be simulated. */
  readonly serialMissing: string | undefined;
  readonly logDir: string;
  readonly #bootstrapServers: readonly string[];

  constructor({ plan, onMessage, onChange }: TreeOptions) {
    const { settings, hubs, etcd } = plan;
    // An agent's position is one in a certain hub: a cluster is another one.
    const dataDir = etcd === undefined ? resolve(settings.dataDir) : resolve(settings.dataDir, 'cluster');
    this.#bootstrapServers = hubs.map(({ kafka }) => kafka);
    this.logDir = join(dataDir, 'logs');
    mkdirSync(this.logDir, { recursive: true });
    const child = (name: string, args: readonly string[], more: Partial<ChildOptions> = {}) =>
      new Child({
        name,
        command: edgelogCommand(args),
        logPath: join(this.logDir, `${name}.log`),
        onChange,
        ...more,
      });
    const port = join(dataDir, 'scale');
    const hasSocat = hasProgram('socat');
    this.serialMissing =
      settings.serial && !hasSocat
        ? 'no serial line: socat is not installed (apt-get install socat)'
        : undefined;
    this.serial = settings.serial && hasSocat ? child('serial', ['devices', 'serial', port]) : undefined;
    this.etcd = etcd && child('etcd', [], { command: etcdCommand(join(dataDir, 'etcd'), etcd) });
    this.hubs = hubs.map((hub, at) =>
      child(hub.name, [...hubArguments(hub, dataDir), ...clusterArguments(plan, at + 1)]),
    );
    this.agent = child('agent', [
      'agent',
      ...['--data-dir', join(dataDir, 'agent'), '--gateway', settings.gateway],
      ...[
        '--hub',
        hubs.map(({ sync }) => `ws://${sync}`).join(','),
        '--mqtt',
        settings.mqtt,
        '--http',
        settings.agentHttp,
      ],
      ...(this.serial ? ['--serial', port] : []),
    ]);
    const fleetArgs = [
      ...['devices', 'fleet', '--mqtt', settings.mqtt, '--devices', String(settings.devices)],
      ...['--rate', String(settings.rate), '--qos', String(settings.qos)],
      ...(settings.outage === undefined ? [] : ['--outage', settings.outage]),
    ];
    this.fleet = settings.devices > 0 ? child('fleet', fleetArgs, { onMessage }) : undefined;
  }

  /** In the order in which data flows. */
  get children(): Child[] {
    return [this.fleet, this.serial, this.agent, ...this.hubs, this.etcd].filter(
      (child) => child !== undefined,
    );
  }

  /** Resolves when all are ready; rejects with the first that is not. */
  async start(): Promise<void> {
    const agent = async () => {
      // The serial line must be there before the agent looks for it, the agent before the devices connect.
      await this.serial?.start();
      await this.agent.start();
      await this.fleet?.start();
    };
    const hub = async () => {
      await this.etcd?.start();
      await Promise.all(this.hubs.map((each) => each.start()));
      await ensureDemoTopic(this.#bootstrapServers);
    };
    await Promise.all([hub(), agent()]);
  }

  /** Sources first, so that the agent hands over what it took before the hub goes. */
  async stop(): Promise<void> {
    await Promise.all([this.fleet?.stop(STOP_TIMEOUT_MS), this.serial?.stop(STOP_TIMEOUT_MS)]);
    await this.agent.stop(STOP_TIMEOUT_MS);
    await Promise.all(this.hubs.map((hub) => hub.stop(STOP_TIMEOUT_MS)));
    await this.etcd?.stop(STOP_TIMEOUT_MS);
  }

  kill(): void {
    for (const child of this.children) child.kill();
  }
}

function hubArguments({ name, kafka, sync, http }: HubAddresses, dataDir: string): string[] {
  return ['hub', '--data-dir', join(dataDir, name), '--kafka', kafka, '--sync', sync, '--http', http];
}

function clusterArguments({ hubs, etcd }: DevPlan, brokerId: number): string[] {
  if (etcd === undefined) return [];
  const replication = Math.min(REPLICATION_MAX, hubs.length);
  return [
    ...['--etcd', `http://${etcd.client}`, '--broker-id', String(brokerId)],
    ...['--rack', `rack-${brokerId}`, '--replication', String(replication)],
  ];
}
