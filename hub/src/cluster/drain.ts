import { setTimeout as delay } from 'node:timers/promises';
import { type PartitionRecord, settle } from '@edgelog/cluster';
import type { Logger } from '@edgelog/runtime';
import type { Metadata } from './mirror/metadata.ts';
import type { BrokerSession } from './session.ts';

/** Of each of the two waits, at most. */
const WAIT_MS = 10_000;
const LOOK_MS = 100;
const TELL_MS = 1_000;

/**
 * Says that this broker leaves, and waits until it leads nothing that others can lead, and is in no ISR that others are in. Before it
 * says so it waits for replicas that are about to be in sync where there are too few without this one: so brokers that are restarted one right
 * after the other do not leave a partition that nobody can write to.
 */
export async function drain(metadata: Metadata, session: BrokerSession, log: Logger): Promise<void> {
  const me = session.brokerId;
  const mine = (): PartitionRecord[] => {
    const records = Array.from(metadata.partitions(), ({ record }) => record);
    return records.filter(({ isr }) => isr.includes(me));
  };
  const needed = (): number => mine().filter((record) => isNeeded(record, me, metadata)).length;
  await wait(needed, 'waits for others to be in sync before it leaves');
  if (session.epoch === undefined) return;
  await session.setDraining(true);
  const left = (): number => mine().filter((record) => settle(record, metadata.states) !== record).length;
  const startedAt = performance.now();
  await wait(left, 'hands over partitions');
  log.info('partitions handed over', { left: left(), tookMs: Math.round(performance.now() - startedAt) });

  async function wait(partitionsLeft: () => number, what: string): Promise<void> {
    const startedAt = performance.now();
    let toldAt = startedAt;
    for (let partitions = partitionsLeft(); partitions > 0; partitions = partitionsLeft()) {
      if (session.epoch === undefined) return;
      const tookMs = Math.round(performance.now() - startedAt);
      if (tookMs > WAIT_MS) {
        log.warn('leaves all the same', { partitions, tookMs });
        return;
      }
      if (performance.now() - toldAt >= TELL_MS) {
        toldAt = performance.now();
        log.info(what, { partitions, tookMs });
      }
      await delay(LOOK_MS);
    }
  }
}

/** Whether too few would be in sync without `me`, and somebody is alive that may yet be. */
function isNeeded({ replicas, isr, minInsync }: PartitionRecord, me: number, { states }: Metadata): boolean {
  const staying = (id: number): boolean => {
    const { epoch, draining, lostData } = states(id);
    return id !== me && epoch !== undefined && !draining && !lostData;
  };
  if (isr.filter(staying).length >= minInsync) return false;
  return replicas.some((id) => !isr.includes(id) && staying(id));
}
