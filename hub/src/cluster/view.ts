import { parseAddress } from '@edgelog/runtime';
import type { ClusterNode, ClusterView } from '../cluster-view.ts';
import type { Metadata } from './mirror/metadata.ts';

/** The brokers of the cluster by its metadata. */
export function clusterView(
  metadata: Metadata,
  me: {
    readonly brokerId: number;
    readonly rack: string | null;
    readonly kafka: () => string | undefined;
    readonly isMember: () => boolean;
  },
): ClusterView {
  return {
    nodes: (local) => {
      const others = Array.from(metadata.brokers()).filter(({ id }) => id !== me.brokerId);
      const nodes = others.map(
        ({ id, record }): ClusterNode => ({ nodeId: id, rack: record.rack, ...parseAddress(record.kafka) }),
      );
      const kafka = me.kafka();
      const own = kafka === undefined ? local : parseAddress(kafka);
      return [...nodes, { nodeId: me.brokerId, rack: me.rack, ...own }].sort((a, b) => a.nodeId - b.nodeId);
    },
    isAlive: (nodeId) => nodeId === me.brokerId || metadata.broker(nodeId) !== undefined,
    get absent() {
      const ids = Array.from(metadata.directories(), ({ id }) => id);
      return ids
        .filter((id) => id !== me.brokerId && metadata.broker(id) === undefined)
        .sort((a, b) => a - b);
    },
    get controllerId() {
      return metadata.controller?.record.brokerId ?? -1;
    },
    get isMember() {
      return me.isMember();
    },
  };
}
