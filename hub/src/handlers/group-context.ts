import type { RequestContext as GroupRequestContext } from '../group/index.ts';
import type { RequestContext } from './handler.ts';

/** Who asks, as the group coordinator wants to know it. */
export function groupContext({ client, clientId, apiVersion }: RequestContext): GroupRequestContext {
  return { clientId, clientHost: client.host, apiVersion };
}
