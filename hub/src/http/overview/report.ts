import { statfsSync } from 'node:fs';
import { readMemory } from '@edgelog/runtime';
import { damageStatus } from '../../fetch/damage.ts';
import type { HubView } from '../status.ts';
import { gatewaySessions } from './gateways.ts';
import { groupDetail, groupRows } from './groups.ts';
import type { ReportQuery } from './query.ts';
import type { BrokerReport } from './report-schema.ts';

/** Damaged ranges told of. */
const DAMAGE_MAX = 20;

/** The body of GET /report: what this broker alone knows, a bounded part of it. */
export function reportOf(view: HubView, query: ReportQuery): BrokerReport {
  const { broker, listener, sync, startedAtMs, now } = view;
  const { store, settings, nodeId } = broker;
  const { liveBytes, physicalBytes } = store.stats();
  const damage = store.damage();
  return {
    nodeId,
    uptimeMs: now() - startedAtMs,
    reasons: view.health().reasons,
    connections: { kafka: listener.connectionCount, sync: sync.status().connections },
    memoryBytes: readMemory().rssBytes,
    disk: { liveBytes, physicalBytes, freeBytes: freeBytes(settings.dataDir) },
    damage: { matching: damage.length, first: damage.slice(0, DAMAGE_MAX).map(damageStatus) },
    groups: groupRows(broker, query),
    group: groupDetail(broker, query.group),
    sessions: gatewaySessions(view, query.gateways),
  };
}

function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}
