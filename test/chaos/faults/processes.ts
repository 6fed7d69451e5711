import type { BrokerProcess } from '../../harness/cluster-processes.ts';
import { sleep } from '../../harness/wait.ts';
import { type Fault, forSeconds } from './fault.ts';

const named = (brokers: readonly BrokerProcess[]): string => brokers.map(({ name }) => name).join(' and ');

/** Processes of brokers that end, or stand still. */
export const PROCESS_FAULTS: readonly Fault[] = [
  {
    name: 'kill -9 of a leader',
    withinSeconds: 10,
    run: forSeconds(6, async ({ busiest }) => {
      const broker = busiest();
      await broker.kill();
      return { what: broker.name, end: () => broker.start() };
    }),
  },
  {
    name: 'kill -9 of the controller',
    withinSeconds: 10,
    run: forSeconds(6, async ({ controller }) => {
      const broker = await controller();
      await broker.kill();
      return { what: broker.name, end: () => broker.start() };
    }),
  },
  {
    name: 'kill -9 of a leader, which is back at once',
    withinSeconds: 10,
    run: forSeconds(0, async ({ busiest }) => {
      const broker = busiest();
      await broker.kill();
      return { what: broker.name, end: () => broker.start() };
    }),
  },
  {
    name: 'SIGSTOP of a leader for longer than its lease',
    withinSeconds: 15,
    run: forSeconds(9, async ({ busiest }) => {
      const broker = busiest();
      broker.pause();
      return { what: broker.name, end: () => broker.resume() };
    }),
  },
  {
    name: 'SIGSTOP of a leader for a moment',
    withinSeconds: 10,
    run: forSeconds(2, async ({ busiest }) => {
      const broker = busiest();
      broker.pause();
      return { what: broker.name, end: () => broker.resume() };
    }),
  },
  {
    name: 'kill -9 of two of three',
    stopsCluster: true,
    withinSeconds: 15,
    run: forSeconds(4, async ({ cluster, prng }) => {
      const spared = prng.pick(cluster.brokers);
      const killed = cluster.brokers.filter((broker) => broker !== spared);
      await Promise.all(killed.map((broker) => broker.kill()));
      const end = async (): Promise<void> => {
        await Promise.all(killed.map((broker) => broker.start()));
      };
      return { what: named(killed), end };
    }),
  },
  {
    name: 'kill -9 of all brokers',
    stopsCluster: true,
    withinSeconds: 15,
    run: forSeconds(1, async ({ cluster: { brokers } }) => {
      await Promise.all(brokers.map((broker) => broker.kill()));
      const end = async (): Promise<void> => {
        await Promise.all(brokers.map((broker) => broker.start()));
      };
      return { what: named(brokers), end };
    }),
  },
  {
    name: 'rolling restart',
    withinSeconds: 5,
    run: async ({ cluster: { brokers }, recovered }, healed) => {
      for (const broker of brokers) {
        await broker.stop();
        await sleep(500);
        await broker.start();
        await recovered();
      }
      healed();
      return named(brokers);
    },
  },
];
