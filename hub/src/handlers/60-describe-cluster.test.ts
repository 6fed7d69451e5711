import { expect, test } from 'vitest';
import type { Broker } from '../broker.ts';
import type { ClusterView } from '../cluster-view.ts';
import { describeCluster } from './60-describe-cluster.ts';
import type { RequestContext } from './handler.ts';

const node = (nodeId: number) => ({ nodeId, host: 'b', port: nodeId, rack: null });

async function describe(isMember: boolean, includeFencedBrokers: boolean) {
  const cluster: ClusterView = {
    nodes: () => [node(1), node(2)],
    isAlive: () => true,
    absent: [3],
    controllerId: 2,
    isMember,
  };
  const broker = { clusterId: 'c', nodeId: 1, cluster } as Broker;
  const request = { includeClusterAuthorizedOperations: false, endpointType: 1, includeFencedBrokers };
  const answer = await describeCluster(request, { broker, client: {} } as RequestContext);
  const { controllerId, brokers } = answer!;
  const fenced = brokers.filter(({ isFenced }) => isFenced).map(({ brokerId }) => brokerId);
  return { controllerId, all: brokers.map(({ brokerId }) => brokerId), fenced };
}

test('a broker that is not registered does not say that all is well', async () => {
  expect(await describe(true, true)).toEqual({ controllerId: 2, all: [1, 2, 3], fenced: [3] });
  expect(await describe(false, true)).toEqual({ controllerId: -1, all: [1, 2, 3], fenced: [1, 3] });
  expect(await describe(false, false)).toEqual({ controllerId: -1, all: [1, 2], fenced: [] });
});
