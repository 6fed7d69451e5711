import type { Address } from '@edgelog/runtime';
import { ErrorCode, type ErrorName } from '@edgelog/wire';
import type { Handler, RequestContext } from './handler.ts';

const GROUP = 0;
const TRANSACTION = 1;

interface Coordinator extends Address {
  readonly errorCode: number;
  readonly nodeId: number;
  readonly errorMessage: string | null;
}

/**
 * FindCoordinator: the leader of the group's partition of `__consumer_offsets`, which is made when the first group of a cluster is
 * asked for. COORDINATOR_NOT_AVAILABLE while it cannot be made, or nobody leads. Up to version 3 one key is asked for, from 4 on several.
 *
 * Transactional ids are told this broker, so that the client learns from InitProducerId that there are no transactions
 * yet, instead of asking here for ever. Left out: share groups (key type 2, INVALID_REQUEST).
 */
export const findCoordinator: Handler<'findCoordinator'> = async (request, context) => {
  const { key, keyType, coordinatorKeys } = request;
  if (context.apiVersion < 4) return find(keyType, key, context);
  const found = coordinatorKeys.map(async (key) => ({ key, ...(await find(keyType, key, context)) }));
  return { coordinators: await Promise.all(found) };
};

async function find(keyType: number, key: string, { broker, client }: RequestContext): Promise<Coordinator> {
  if (keyType === TRANSACTION) {
    const { nodeId } = broker;
    return { errorCode: ErrorCode.NONE, nodeId, ...broker.endpointFor(client), errorMessage: null };
  }
  if (keyType !== GROUP) return refuse('INVALID_REQUEST', `key type ${keyType} is not supported`);
  const found = await broker.groups.findCoordinator(key);
  if ('error' in found) return refuse(found.error, found.message);
  const node = broker.cluster.nodes(client.local).find(({ nodeId }) => nodeId === found.nodeId);
  if (node === undefined) return refuse('COORDINATOR_NOT_AVAILABLE', `broker ${found.nodeId} is away`);
  const { nodeId, host, port } = node;
  return { errorCode: ErrorCode.NONE, nodeId, host, port, errorMessage: null };
}

function refuse(error: ErrorName, errorMessage: string): Coordinator {
  return { errorCode: ErrorCode[error], nodeId: -1, host: '', port: -1, errorMessage };
}
