import type { Prng } from '@edgelog/sim';
import type { BrokerProcess, ClusterProcesses } from '../../harness/cluster-processes.ts';
import { sleep } from '../../harness/wait.ts';

/** What a fault may look at and do. */
export interface Scene {
  readonly cluster: ClusterProcesses;
  readonly prng: Prng;
  /** The broker that leads most partitions now. */
  busiest(): BrokerProcess;
  /** The controller, as the cluster's metadata have it. */
  controller(): Promise<BrokerProcess>;
  /** Until every partition can be written to and has all its replicas in sync. */
  recovered(): Promise<void>;
}

/** Done to a cluster that is well. It ends with everything brought back that the fault took away. */
export interface Fault {
  readonly name: string;
  /** Partitions may be unavailable as long as the fault lasts; otherwise the cluster is to get over it meanwhile. */
  readonly stopsCluster?: boolean;
  /** Partitions are to be available again after so long, in seconds. */
  readonly withinSeconds: number;
  /** Says what it did to whom; `healed` is called when everything is as it should be again. */
  run(scene: Scene, healed: () => void): Promise<string>;
}

/** Breaks something for a while. */
export function forSeconds(
  seconds: number,
  begin: (scene: Scene) => Promise<{ what: string; end: () => Promise<void> | void }>,
): Fault['run'] {
  return async (scene, healed) => {
    const { what, end } = await begin(scene);
    await sleep(seconds * 1_000);
    await end();
    healed();
    return what;
  };
}
