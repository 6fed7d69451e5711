import type { Fault } from './fault.ts';
import { forSeconds, type Scene } from './fault.ts';

const OUTSIDE = 'outside';
const CLIENTS = [OUTSIDE, 'agents', 'java'];

const brokersOf = ({ cluster }: Scene): string[] => cluster.brokers.map(({ node }) => node);
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
      const { node } = scene.busiest();
      scene.cluster.isolate(node, everybody(scene));
      return node;
    }),
  },
  {
    name: 'the controller cut off from all',
    withinSeconds: 15,
    run: cutting(async (scene) => {
      const { node } = await scene.controller();
      scene.cluster.isolate(node, everybody(scene));
      return node;
    }),
  },
  {
    name: 'a leader cut off from etcd',
    withinSeconds: 15,
    run: cutting((scene) => {
      const { node } = scene.busiest();
      scene.cluster.isolate(node, membersOf(scene));
      return node;
    }),
  },
  {
    name: 'a leader cut off from the other brokers',
    withinSeconds: 15,
    run: cutting((scene) => {
      const { node } = scene.busiest();
      scene.cluster.isolate(node, brokersOf(scene));
      return node;
    }),
  },
  {
    name: 'a leader that is heard by all and hears nobody',
    withinSeconds: 15,
    run: cutting((scene) => {
      const { node } = scene.busiest();
      for (const other of everybody(scene)) scene.cluster.network.cut(other, node);
      return node;
    }),
  },
  {
    name: 'a leader that hears all and is heard by nobody',
    withinSeconds: 15,
    run: cutting((scene) => {
      const { node } = scene.busiest();
      for (const other of everybody(scene)) scene.cluster.network.cut(node, other);
      return node;
    }),
  },
  {
    name: 'two brokers cut off from each other',
    withinSeconds: 15,
    run: cutting((scene) => {
      const { node } = scene.busiest();
      const other = scene.prng.pick(brokersOf(scene).filter((each) => each !== node));
      scene.cluster.network.cutBothWays(node, other);
      return `${node} and ${other}`;
    }),
  },
  {
    name: 'a slow and distant broker',
    withinSeconds: 5,
    run: cutting((scene) => {
      const { node } = scene.busiest();
      for (const other of [...brokersOf(scene), ...membersOf(scene)]) {
        scene.cluster.network.delay(node, other, 100);
        scene.cluster.network.delay(other, node, 100);
      }
      return node;
    }),
  },
];
