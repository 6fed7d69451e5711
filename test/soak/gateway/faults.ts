import type { Prng } from '@edgelog/sim';
import { fillDisk, fillDiskBut } from '../../harness/small-disk.ts';
import { sleep, until } from '../../harness/wait.ts';
import { RING } from './ring.ts';
import type { Site } from './site.ts';

/** Something that happens to a gateway; over when it resolves, with what there is to say about it. */
export interface Fault {
  readonly name: string;
  /** False where this machine cannot do it. */
  readonly isPossible?: (site: Site) => boolean;
  run(site: Site, prng: Prng): Promise<string>;
}

const DAY_SECONDS = 86_400;
/** Left on the disk when a backlog is to outgrow it: some segments. */
const LITTLE_BYTES = 48 * 2 ** 20;
/** Seconds the clock is set off by: NTP's first word, a Pi without a clock of its own, and a wrong year. */
const CLOCK_JUMPS = [-3_600, 600, -30 * DAY_SECONDS, 400 * DAY_SECONDS, -3 * 365 * DAY_SECONDS];

const seconds = (prng: Prng, from: number, to: number): number => prng.between(from * 1000, to * 1000);

/** Records of `ring` that were given up in the life of this process. */
async function droppedOf(site: Site): Promise<number> {
  const { dropped } = await site.agentStatus();
  return dropped.find(({ topic }) => topic === RING)?.records ?? 0;
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'uplink cut',
    async run({ network }, prng) {
      const ms = seconds(prng, 1, 25);
      network.cutBothWays('agent', 'hub');
      await sleep(ms);
      network.heal();
      return `${(ms / 1000).toFixed(0)} s`;
    },
  },
  {
    name: 'uplink deaf one way',
    async run({ network }, prng) {
      const [from, to] = prng.chance(0.5) ? ['agent', 'hub'] : ['hub', 'agent'];
      network.cut(from!, to!);
      await sleep(seconds(prng, 5, 30));
      network.heal();
      return `${from} to ${to}`;
    },
  },
  {
    name: 'slow uplink',
    async run({ network }, prng) {
      const ms = prng.between(100, 900);
      network.delay('agent', 'hub', ms);
      network.delay('hub', 'agent', ms);
      await sleep(seconds(prng, 5, 20));
      network.heal();
      return `${ms} ms each way`;
    },
  },
  {
    name: 'agent killed',
    async run(site, prng) {
      await site.agent.stop('SIGKILL');
      await sleep(seconds(prng, 0, 3));
      await site.startAgent();
      return '';
    },
  },
  {
    name: 'agent stopped and started',
    async run(site) {
      const { code } = await site.agent.stop();
      await site.startAgent();
      return `status ${code}`;
    },
  },
  {
    name: 'hub killed',
    async run(site, prng) {
      await site.hub.stop('SIGKILL');
      await sleep(seconds(prng, 0, 10));
      await site.startHub();
      return '';
    },
  },
  {
    name: 'disk full',
    isPossible: ({ isDiskSmall }) => isDiskSmall,
    async run(site, prng) {
      const free = await fillDisk(site.disk);
      await sleep(seconds(prng, 3, 12));
      const hasEnded = !site.agent.alive;
      free();
      if (hasEnded || !site.agent.alive) await site.startAgent();
      await until('devices are taken again', async () => !(await site.agentStatus()).disk.isFull);
      return hasEnded ? 'the agent ended' : 'the agent went on';
    },
  },
  {
    name: 'backlog beyond the disk',
    isPossible: ({ isDiskSmall }) => isDiskSmall,
    async run(site, prng) {
      const before = await droppedOf(site);
      site.network.cutBothWays('agent', 'hub');
      const free = await fillDiskBut(site.disk, LITTLE_BYTES);
      const endFlood = site.ring.flood();
      await until('the oldest is given up', async () => (await droppedOf(site)) > before, 120_000);
      await sleep(seconds(prng, 0, 4));
      if (prng.chance(0.5)) site.network.heal();
      await endFlood();
      free();
      site.network.heal();
      await until('devices are taken again', async () => !(await site.agentStatus()).disk.isFull);
      return `${(await droppedOf(site)) - before} records given up`;
    },
  },
  {
    name: 'clock jumps',
    async run(site, prng) {
      const jump = prng.pick(CLOCK_JUMPS);
      site.setClock(jump);
      if (prng.chance(0.3)) {
        await site.agent.stop('SIGKILL');
        await site.startAgent();
      }
      await sleep(seconds(prng, 3, 10));
      site.setClock(0);
      return `${jump} s`;
    },
  },
  {
    name: 'serial line unplugged',
    async run(site, prng) {
      await site.unplug();
      await sleep(seconds(prng, 1, 6));
      await site.plugIn();
      await until(
        'the line is open again',
        async () => (await site.agentStatus()).serial[0]?.state === 'open',
      );
      return '';
    },
  },
];
