import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { Child, type ChildOptions } from './child.ts';
import type { DevSettings } from './settings.ts';
import { ensureDemoTopic } from './topic.ts';

const STOP_TIMEOUT_MS = 15_000;

export interface TreeOptions {
  readonly settings: DevSettings;
  readonly onMessage: (message: unknown) => void;
  readonly onChange: (child: Child) => void;
}

/** Whether a program is on the PATH. */
export function hasProgram(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The processes of the demo: hub, agent, and the devices that are simulated. */
export class Tree {
  readonly hub: Child;
  readonly agent: Child;
  readonly fleet: Child | undefined;
  readonly serial: Child | undefined;
  /** Set when a scale was asked for and cannot be simulated. */
  readonly serialMissing: string | undefined;
  readonly logDir: string;
  readonly #kafka: string;

  constructor({ settings, onMessage, onChange }: TreeOptions) {
    const dataDir = resolve(settings.dataDir);
    this.#kafka = settings.kafka;
    this.logDir = join(dataDir, 'logs');
    mkdirSync(this.logDir, { recursive: true });
    const child = (name: string, args: readonly string[], more: Partial<ChildOptions> = {}) =>
      new Child({ name, args, logPath: join(this.logDir, `${name}.log`), onChange, ...more });
    const port = join(dataDir, 'scale');
    const hasSocat = hasProgram('socat');
    this.serialMissing =
      settings.serial && !hasSocat
        ? 'no serial line: socat is not installed (apt-get install socat)'
        : undefined;
    this.serial = settings.serial && hasSocat ? child('serial', ['devices', 'serial', port]) : undefined;
    this.hub = child('hub', [
      'hub',
      ...['--data-dir', join(dataDir, 'hub'), '--kafka', settings.kafka],
      ...['--sync', settings.sync, '--http', settings.hubHttp],
    ]);
    this.agent = child('agent', [
      'agent',
      ...['--data-dir', join(dataDir, 'agent'), '--gateway', settings.gateway],
      ...['--hub', `ws://${settings.sync}`, '--mqtt', settings.mqtt, '--http', settings.agentHttp],
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
    return [this.fleet, this.serial, this.agent, this.hub].filter((child) => child !== undefined);
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
      await this.hub.start();
      await ensureDemoTopic(this.#kafka);
    };
    await Promise.all([hub(), agent()]);
  }

  /** Sources first, so that the agent hands over what it took before the hub goes. */
  async stop(): Promise<void> {
    await Promise.all([this.fleet?.stop(STOP_TIMEOUT_MS), this.serial?.stop(STOP_TIMEOUT_MS)]);
    await this.agent.stop(STOP_TIMEOUT_MS);
    await this.hub.stop(STOP_TIMEOUT_MS);
  }

  kill(): void {
    for (const child of this.children) child.kill();
  }
}
