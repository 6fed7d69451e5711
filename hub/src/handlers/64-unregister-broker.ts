import { ErrorCode } from '@edgelog/wire';
import type { Handler } from './handler.ts';

/**
 * UnregisterBroker: forgets a broker that is gone for good; BROKER_ID_NOT_REGISTERED for one that is not known.
 *
 * Otherwise than Kafka, on purpose: a broker that is alive is refused, and one that is a replica of something (INVALID_REQUEST). Its disk
 * would no longer be known, so that another one under the same id would count as having all that was acknowledged.
 */
export const unregisterBroker: Handler<'unregisterBroker'> = async ({ brokerId }, { broker }) => {
  const refused = await broker.clusterAdmin.unregister(brokerId);
  if (refused === undefined) broker.log.info('broker unregistered', { brokerId });
  return { errorCode: ErrorCode[refused?.error ?? 'NONE'], errorMessage: refused?.message ?? null };
};
