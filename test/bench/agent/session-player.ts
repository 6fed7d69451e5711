/**
 * Some of the agents of `sessions.ts`, as a process of its own: `fork(session-player.ts, [JSON of PlayerOptions])`. Does what each message asks and
 * answers it with `done`.
 */
import { type AgentStore, agentStore, silent } from '@edgelog/sim';
import { startUplink, type Uplink } from '@edgelog/sync';
import { until } from '../../harness/wait.ts';

export interface PlayerOptions {
  /** No other player has it. */
  name: string;
  url: string;
  /** Connecting at once. */
  connectingMax: number;
}

export type PlayerOrder =
  /** So many agents there are then, each acknowledged. */
  | { type: 'connect'; total: number }
  /** All have noticed that the hub is gone. */
  | { type: 'notice' }
  /** Each takes one reading more and has it acknowledged. */
  | { type: 'drain' };

const WAIT_MS = 200_000;

interface Gateway {
  uplink: Uplink;
  port: AgentStore;
}

const options = JSON.parse(process.argv[2]!) as PlayerOptions;
const gateways: Gateway[] = [];

async function connect(total: number): Promise<void> {
  while (gateways.length < total) {
    const some = Math.min(options.connectingMax, total - gateways.length);
    for (let i = 0; i < some; i++) gateways.push(await startGateway(gateways.length));
    const newest = gateways.slice(-some);
    await until('they are acknowledged', () => newest.every(isDrained), WAIT_MS, 10);
  }
}

async function startGateway(index: number): Promise<Gateway> {
  const port = agentStore({ gateway: `gateway-${options.name}-${index}` });
  await port.ingest(0, [0]);
  return { port, uplink: startUplink({ urls: [options.url], port, log: silent }) };
}

async function drain(): Promise<void> {
  await Promise.all(
    gateways.map(async ({ port, uplink }) => {
      await port.ingest(0, [1]);
      uplink.notify();
    }),
  );
  await until('all are acknowledged', () => gateways.every(isDrained), WAIT_MS, 50);
}

/** By the gateway's disk. */
const isDrained = ({ port }: Gateway): boolean => port.stored().every(({ drained }) => drained);

const isLost = ({ uplink }: Gateway): boolean => uplink.status().state !== 'live';

async function follow(order: PlayerOrder): Promise<void> {
  switch (order.type) {
    case 'connect':
      return connect(order.total);
    case 'notice':
      await until('all have noticed', () => gateways.every(isLost), WAIT_MS, 10);
      return;
    case 'drain':
      return drain();
  }
}

process.on('message', (order: PlayerOrder) => {
  void follow(order).then(() => process.send!('done'));
});
