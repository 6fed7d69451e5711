import type { LogStore } from '@edgelog/log';
import type { ClusterHandle } from '../cluster/index.ts';
import { GAPS, gapRecord, type RecordedGap } from './gaps.ts';
import { LocalTable, type RecordTable } from './record-table.ts';
import { RUNS, type RunRecord, runRecord } from './runs.ts';

/** Where brokers keep what they know of gateways. */
export interface GatewayHome {
  readonly runs: RecordTable<RunRecord>;
  readonly gaps: RecordTable<RecordedGap>;
  /** `RunsOptions.carryMs` */
  readonly carryMs: number;
}

/** In the store of a standalone broker. */
export function localGatewayHome(store: LogStore): GatewayHome {
  return {
    runs: new LocalTable(store, RUNS.local, runRecord),
    gaps: new LocalTable(store, GAPS.local, gapRecord),
    carryMs: 0,
  };
}

const CARRY_MS = 5_000;

/** In the metadata of a cluster. */
export function clusterGatewayHome(cluster: Pick<ClusterHandle, 'table'>): GatewayHome {
  return {
    runs: cluster.table(RUNS.cluster, runRecord),
    gaps: cluster.table(GAPS.cluster, gapRecord),
    carryMs: CARRY_MS,
  };
}
