import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../harness/ports.ts';
import { sleep } from '../../harness/wait.ts';
import { type BenchOptions, printTable } from '../report.ts';
import { scratchDir } from '../scratch.ts';
import { cpuSeconds } from '../usage.ts';
import { startHub } from './peers.ts';
import type { PlayerOptions, PlayerOrder } from './session-player.ts';

/** At scale 1, in all. */
const AGENTS = 10_000;
/** They come before those that are counted, and pay for the memory of traffic as such. */
const FIRST = 500;
/** Processes that play agents: one alone would be what is measured. */
const PLAYERS = 4;
/** Connecting at once, of all players. */
const CONNECTING_MAX = 400;
const SETTLE_MS = 5_000;
const IDLE_MS = 10_000;
const PLAYER = fileURLToPath(new URL('./session-player.ts', import.meta.url));

/** What one more agent costs a hub, and how soon all are back when the hub is started again. */
export async function benchSessions({ scale }: BenchOptions): Promise<void> {
  const dir = scratchDir();
  const [sync, kafka, http] = await freePorts(3);
  const count = Math.max(2 * FIRST, Math.ceil(AGENTS * scale));
  const ports = { kafka: kafka!, sync: sync!, http: http! };
  const players = Array.from({ length: PLAYERS }, (_, index) => {
    const connectingMax = CONNECTING_MAX / PLAYERS;
    return new Player({ name: String(index), url: `ws://127.0.0.1:${sync}`, connectingMax });
  });
  const all = (order: PlayerOrder) => Promise.all(players.map((player) => player.order(order)));
  let hub = await startHub(dir, ports);
  const connect = async (total: number): Promise<number> => {
    await all({ type: 'connect', total: Math.ceil(total / PLAYERS) });
    await sleep(SETTLE_MS);
    return hub.privateBytes();
  };
  try {
    const before = await connect(FIRST);
    const after = await connect(count);
    const cpuBefore = cpuSeconds(hub);
    await sleep(IDLE_MS);
    const cpuShare = (cpuSeconds(hub) - cpuBefore) / (IDLE_MS / 1000);
    await hub.stop('SIGKILL');
    await all({ type: 'notice' });
    const killedAt = performance.now();
    hub = await startHub(dir, ports);
    const startedAt = performance.now();
    await all({ type: 'drain' });
    const seconds = (from: number) => ((performance.now() - from) / 1000).toFixed(1);
    printTable(
      `${count.toLocaleString('en')} agents with a stream each at one hub, simulated in ${PLAYERS} processes beside it`,
      [
        'KiB of private memory per agent',
        'CPU of a core, idle',
        'hub killed and started: ready after s',
        'all back and acknowledged after s',
        'CPU s of the hub for that',
      ],
      [
        [
          ((after - before) / (count - FIRST) / 1024).toFixed(1),
          `${(cpuShare * 100).toFixed(1)} %`,
          ((startedAt - killedAt) / 1000).toFixed(1),
          seconds(startedAt),
          cpuSeconds(hub).toFixed(1),
        ],
      ],
    );
  } finally {
    for (const player of players) await player.stop();
    await hub.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A process of `session-player.ts`, which does one thing at a time. */
class Player {
  readonly #child: ChildProcess;

  constructor(options: PlayerOptions) {
    this.#child = fork(PLAYER, [JSON.stringify(options)]);
  }

  /** Rejects when the process ends before it has done it. */
  order(order: PlayerOrder): Promise<void> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error(`a player of agents ended while it had to ${order.type}`));
      this.#child.once('exit', ended);
      this.#child.once('message', () => {
        this.#child.off('exit', ended);
        resolve();
      });
      this.#child.send(order);
    });
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}
