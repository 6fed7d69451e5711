import type { Address } from '@edgelog/runtime';

/** A broker that is alive, as clients are told of it. */
export interface ClusterNode extends Address {
  readonly nodeId: number;
  readonly rack: string | null;
}

/** The brokers of the cluster as this one knows them now. */
export interface ClusterView {
  /** In order of their ids; never without this broker itself. */
  nodes(local: Address): readonly ClusterNode[];
  /** Whether this broker is one of them. */
  isAlive(nodeId: number): boolean;
  /** Brokers that were members and are away now, in order of their ids. */
  readonly absent: readonly number[];
  /** −1 while there is none. */
  readonly controllerId: number;
  /** Whether this broker is registered; while it is not, all this may be old. */
  readonly isMember: boolean;
}

/** The only broker there is. Each client is told the address that it reached, unless one is advertised. */
export function standaloneView(nodeId: number, advertised: Address | undefined): ClusterView {
  return {
    nodes: (local) => [{ nodeId, rack: null, ...(advertised ?? local) }],
    isAlive: (id) => id === nodeId,
    absent: [],
    controllerId: nodeId,
    isMember: true,
  };
}
