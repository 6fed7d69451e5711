import type { TestMember } from '../../../packages/etcd/src/testing/cluster.ts';
import { type Fault, forSeconds, type Scene } from './fault.ts';

async function leaderOf({ cluster }: Scene): Promise<TestMember> {
  return cluster.etcd.leader();
}

/** Members of etcd that are gone. With a majority of them left nobody is to notice much. */
export const ETCD_FAULTS: readonly Fault[] = [
  {
    name: "kill -9 of etcd's leader",
    withinSeconds: 10,
    run: forSeconds(6, async (scene) => {
      const member = await leaderOf(scene);
      await member.kill();
      return { what: member.name, end: () => scene.cluster.restartMember(member) };
    }),
  },
  {
    name: "SIGSTOP of etcd's leader",
    withinSeconds: 15,
    run: forSeconds(8, async (scene) => {
      const member = await leaderOf(scene);
      await member.pause();
      return { what: member.name, end: () => member.resume() };
    }),
  },
  {
    name: "etcd's leader cut off from all",
    withinSeconds: 15,
    run: forSeconds(8, async (scene) => {
      const { name } = await leaderOf(scene);
      scene.cluster.isolate(name);
      return { what: name, end: () => scene.cluster.network.heal() };
    }),
  },
  {
    name: 'etcd without a majority',
    stopsCluster: true,
    withinSeconds: 20,
    run: forSeconds(8, async (scene) => {
      const { cluster } = scene;
      const leader = await leaderOf(scene);
      const other = cluster.etcd.members.find((member) => member !== leader)!;
      await Promise.all([leader.kill(), other.kill()]);
      const end = async (): Promise<void> => {
        for (const member of [leader, other]) await cluster.restartMember(member);
      };
      return { what: `${leader.name} and ${other.name}`, end };
    }),
  },
];
