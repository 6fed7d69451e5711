import { createServer, type Server } from 'node:net';
import { EdgelogError } from '@edgelog/base';
import { type Address, formatAddress, listen, parseAddress } from '@edgelog/runtime';
import type { DevSettings } from './settings.ts';

/** One broker of the demo, HOST:PORT each. */
export interface HubAddresses {
  readonly name: string;
  readonly kafka: string;
  readonly sync: string;
  readonly http: string;
}

/** What runs where. */
export interface DevPlan {
  readonly settings: DevSettings;
  /** One, called `hub`, or several, `hub-1` …. */
  readonly hubs: readonly HubAddresses[];
  /** Where there are several brokers. */
  readonly etcd: { readonly client: string; readonly peer: string } | undefined;
}

/** A further broker's ports, so that the first one's of all kinds stay together. */
const KAFKA_STEP = 1;
const OTHER_STEP = 10;

/**
 * Tries every address before anything starts, and gives port 0 a number. Throws ADDRESS_IN_USE with all that are taken,
 * each with the flag that changes it.
 */
export async function claimPorts(settings: DevSettings): Promise<DevPlan> {
  const claims = new Claims();
  const hubs: HubAddresses[] = [];
  for (let at = 0; at < settings.brokers; at++) {
    hubs.push({
      name: settings.brokers === 1 ? 'hub' : `hub-${at + 1}`,
      kafka: await claims.take(settings.kafka, '--kafka', at * KAFKA_STEP),
      sync: await claims.take(settings.sync, '--sync', at * OTHER_STEP),
      http: await claims.take(settings.hubHttp, '--hub-http', at * OTHER_STEP),
    });
  }
  const etcd =
    settings.brokers === 1
      ? undefined
      : {
          client: await claims.take(settings.etcd, '--etcd'),
          peer: await claims.take(
            formatAddress({ host: parseAddress(settings.etcd).host, port: 0 }),
            '--etcd',
          ),
        };
  const mqtt = await claims.take(settings.mqtt, '--mqtt');
  const agentHttp = await claims.take(settings.agentHttp, '--agent-http');
  await claims.release();
  return { settings: { ...settings, mqtt, agentHttp }, hubs, etcd };
}

/** Holds all that it gave until the last is known, so that none is given twice. */
class Claims {
  readonly #servers: Server[] = [];
  readonly #problems: EdgelogError[] = [];

  async take(setting: string, flag: string, above = 0): Promise<string> {
    const address = raised(parseAddress(setting, flag), above);
    const server = createServer();
    try {
      const port = await listen(server, address, flag);
      this.#servers.push(server);
      return formatAddress({ host: address.host, port });
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      this.#problems.push(error);
      return formatAddress(address);
    }
  }

  async release(): Promise<void> {
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    const [first] = this.#problems;
    if (first === undefined) return;
    throw new EdgelogError(first.code, this.#problems.map(({ message }) => message).join('; '));
  }
}

function raised({ host, port }: Address, above: number): Address {
  return { host, port: port === 0 ? 0 : port + above };
}
