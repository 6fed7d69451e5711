/** How long a broker's death takes to be settled, by partitions: `node hub/src/cluster/testing/measure.ts [PARTITIONS]`. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { TestCluster } from '@edgelog/etcd/testing/cluster.ts';
import { isRefused } from '../../metadata/topic-admin.ts';
import { eventually, type TestMember, TestMembers } from './members.ts';

const partitions = Number(process.argv[2] ?? 10_000);
const etcd = await TestCluster.start({ members: 3, waitsForDisk: true });
const members = new TestMembers(etcd);
members.next();
try {
  await measure();
} finally {
  await members.closeAll();
  await etcd.stop();
}
process.exit(0);

async function measure(): Promise<void> {
  const all = await members.start(1, 2, 3);
  const [one] = all;
  const createdAt = performance.now();
  const topic = await one!.handle.topicAdmin.create({
    name: 'many',
    partitions,
    configs: {},
    placement: { replicas: 3 },
  });
  if (isRefused(topic)) throw new Error(topic.message);
  const tookMs = (since: number): number => Math.round(performance.now() - since);
  console.log(`${partitions} partitions created: ${tookMs(createdAt)} ms`);
  await eventually(
    () => all.every((member) => member.handle.mirror.metadata.recordedCount(topic.id) === partitions),
    'all know',
  );

  const dead = new Set<TestMember>();
  for (const kind of ['another', 'the controller'] as const) {
    const alive = all.filter((member) => !dead.has(member));
    const controller = alive.find(({ brokerId, handle }) => handle.cluster.controllerId === brokerId)!;
    const victim = kind === 'another' ? alive.find((member) => member !== controller)! : controller;
    const watcher = alive.find((member) => member !== victim)!;
    const loop = monitorEventLoopDelay({ resolution: 5 });
    loop.enable();
    const killedAt = performance.now();
    victim.kill();
    dead.add(victim);
    const { metadata } = watcher.handle.mirror;
    let firstMs: number | undefined;
    watcher.handle.mirror.onChange(({ partitions: changed }) => {
      if (changed.length > 0) firstMs ??= tookMs(killedAt);
    });
    await eventually(() => {
      for (const { record } of metadata.partitions()) if (record.isr.includes(victim.brokerId)) return false;
      return true;
    }, 'all partitions are settled');
    console.log(
      `${kind} killed: first partition settled after ${firstMs} ms, all after ${tookMs(killedAt)} ms; event loop late by up to ${Math.round(loop.max / 1e6)} ms`,
    );
    loop.disable();
  }
  for (const { logged } of all)
    for (const line of logged) if (line.includes('settled')) process.stdout.write(line);
}
