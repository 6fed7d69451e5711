import type { Fault } from './fault.ts';
import { forSeconds, type Scene } from './fault.ts';

const OUTSIDE = 'outside';
const CLIENTS = [OUTSIDE, 'agents', 'java'];

const brokersOf = ({ cluster }: Scene): string[] => cluster.brokers.map(({ name }) => name);
const membersOf = ({ cluster }: Scene): string[] => cluster.etcd.members.map(({ name }) => name);
const everybody = (scene: Scene): string[] => [...brokersOf(scene), ...membersOf(scene), ...CLIENTS];

/** Cuts that last so long that leases end and replicas leave the in-sync ones. */
const SECONDS = 10;

function cutting(cut: (scene: Scene) => Promise<string> | string): Fault['run'] {
  return forSeconds(SECONDS, async (scene) => {
    const what = await cut(scene);
    return { what, end: () => scene.cluster.network.heal() };
  });
}

/** Links between nodes that carry nothing, in one direction or both, or slowly. */
export const NETWORK_FAULTS: readonly Fault[] = [
  {
    name: 'a leader cut off from all',
    withinSeconds: 15,
    run: cutting((scene) => {
      const { name } = scene.busiest();
      scene.cluster.isolate(name, everybody(scene));
      return name;
    }),
  },
  {
    name: 'the controller cut off from all',
    withinSeconds: 15,
    run: cutting(async (scene) => {
      const { name } = await scene.controller();
      scene.cluster.isolate(name, everybody(scene));
      return name;
    }),
  },
  {
    name: 'a leader cut off from etcd',
    withinSeconds: 15,
    run: cutting((scene) => {
      const { name } = scene.busiest();
      scene.cluster.isolate(name, membersOf(scene));
      return name;
    }),
  },
  {
    name: 'a leader cut off from the other brokers',
    withinSeconds: 15,
    run: cutting((scene) => {
      const { name } = scene.busiest();
      scene.cluster.isolate(name, brokersOf(scene));
      return name;
    }),
  },
  {
    name: 'a leader that is heard by all and hears nobody',
    withinSeconds: 15,
    run: cutting((scene) => {
      const { name } = scene.busiest();
      for (const other of everybody(scene)) scene.cluster.network.cut(other, name);
      return name;
    }),
  },
  {
    name: 'a leader that hears all and is heard by nobody',
    withinSeconds: 15,
    run: cutting((scene) => {
      const { name } = scene.busiest();
      for (const other of everybody(scene)) scene.cluster.network.cut(name, other);
      return name;
    }),
  },
  {
    name: 'two brokers cut off from each other',
    withinSeconds: 15,
    run: cutting((scene) => {
      const { name } = scene.busiest();
      const other = scene.prng.pick(brokersOf(scene).filter((each) => each !== name));
      scene.cluster.network.cutBothWays(name, other);
      return `${name} and ${other}`;
    }),
  },
  {
    name: 'a slow and distant broker',
    withinSeconds: 5,
    run: cutting((scene) => {
      const { name } = scene.busiest();
      for (const other of [...brokersOf(scene), ...membersOf(scene)]) {
        scene.cluster.network.delay(name, other, 100);
        scene.cluster.network.delay(other, name, 100);
      }
      return name;
    }),
  },
];
