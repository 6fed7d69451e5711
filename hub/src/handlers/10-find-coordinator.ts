import { ErrorCode } from '@edgelog/wire';
import type { Handler } from './handler.ts';

const GROUP = 0;
const TRANSACTION = 1;

/**
 * FindCoordinator: a standalone broker coordinates every group. Up to version 3 one key is asked for, from 4 on several.
 *
 * Transactional ids are told this broker too, so that the client learns from InitProducerId that there are no transactions
 * yet, instead of asking here for ever. Left out: share groups (key type 2, INVALID_REQUEST).
 */
export const findCoordinator: Handler<'findCoordinator'> = (request, { broker, client, apiVersion }) => {
  const isKnown = request.keyType === GROUP || request.keyType === TRANSACTION;
  const errorMessage = isKnown ? null : `key type ${request.keyType} is not supported`;
  const node = isKnown
    ? { errorCode: ErrorCode.NONE, nodeId: broker.nodeId, ...broker.endpointFor(client), errorMessage }
    : { errorCode: ErrorCode.INVALID_REQUEST, nodeId: -1, host: '', port: -1, errorMessage };
  if (apiVersion < 4) return node;
  return { coordinators: request.coordinatorKeys.map((key) => ({ key, ...node })) };
};
