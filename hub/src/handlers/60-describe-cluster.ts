import { ErrorCode } from '@edgelog/wire';
import { CLUSTER_OPERATIONS } from './authorized-operations.ts';
import type { Handler } from './handler.ts';

const BROKERS = 1;
const CONTROLLERS = 2;

/**
 * DescribeCluster: cluster id, controller and the brokers that are alive; from version 2 on also, where asked for, those that are known and
 * away [KIP-1073], without their addresses (port −1), which only a living broker tells. A broker that is not registered at the moment, for
 * it is cut off from etcd, counts itself among those, and knows no controller: what it says of the cluster may be old.
 *
 * Version 1 can ask for controller endpoints instead, which a broker does not know (MISMATCHED_ENDPOINT_TYPE); any other type
 * is UNSUPPORTED_ENDPOINT_TYPE.
 */
export const describeCluster: Handler<'describeCluster'> = (request, { broker, client }) => {
  const { clusterId, cluster, nodeId } = broker;
  if (request.endpointType !== BROKERS) {
    const isMismatch = request.endpointType === CONTROLLERS;
    return {
      errorCode: isMismatch ? ErrorCode.MISMATCHED_ENDPOINT_TYPE : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
      errorMessage: `endpoint type ${request.endpointType} is not served here`,
      clusterId,
      brokers: [],
    };
  }
  return {
    errorCode: ErrorCode.NONE,
    clusterId,
    controllerId: cluster.isMember ? cluster.controllerId : -1,
    brokers: [
      ...cluster.nodes(client.local).map(({ nodeId: brokerId, ...node }) => ({
        brokerId,
        ...node,
        ...(request.includeFencedBrokers && { isFenced: brokerId === nodeId && !cluster.isMember }),
      })),
      ...(request.includeFencedBrokers ? cluster.absent.map(fenced) : []),
    ],
    ...(request.includeClusterAuthorizedOperations
      ? { clusterAuthorizedOperations: CLUSTER_OPERATIONS }
      : undefined),
  };
};

const fenced = (brokerId: number) => ({ brokerId, host: '', port: -1, rack: null, isFenced: true });
