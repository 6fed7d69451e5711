import { EdgelogError } from '@edgelog/base';
import { type Logger, type Metrics, type OpsServer, startOpsServer } from '@edgelog/runtime';
import { z } from 'zod';
import { type AgentParts, agentHealth, agentStatus } from '../status.ts';
import { pageRoutes } from './page.ts';
import { streamRoutes } from './stream-routes.ts';

export interface AgentHttpOptions {
  readonly address: string;
  readonly parts: AgentParts;
  readonly metrics: Metrics;
  readonly setUplinkPaused: (paused: boolean) => void;
  readonly log: Logger;
}

const uplinkBody = z.strictObject({ paused: z.boolean() });
const acknowledgeBody = z.strictObject({ alarm: z.string() });

/**
 * HTTP of a gateway: the page at /, /status, /healthz, /metrics, the records that are here (/streams, /streams/TOPIC), and the
 * switch of the uplink (POST /uplink), and what ends an alarm that tells of the past (POST /alarms/acknowledge).
 */
export function startAgentHttp(options: AgentHttpOptions): Promise<OpsServer> {
  const { address, parts, metrics, setUplinkPaused, log } = options;
  return startOpsServer({
    address,
    health: () => agentHealth(parts),
    status: () => agentStatus(parts),
    metrics: () => metrics.render(),
    log,
    routes: {
      ...pageRoutes(),
      ...streamRoutes(parts.streams),
      'POST /uplink': ({ body }) => {
        const parsed = uplinkBody.safeParse(body);
        if (!parsed.success)
          throw new EdgelogError('CONFIG_INVALID', 'expected {"paused": true} or {"paused": false}');
        setUplinkPaused(parsed.data.paused);
        return { body: parsed.data };
      },
      'POST /alarms/acknowledge': ({ body }) => {
        const parsed = acknowledgeBody.safeParse(body);
        if (!parsed.success)
          throw new EdgelogError('CONFIG_INVALID', 'expected {"alarm": NAME}, as /status has it');
        parts.alarms.acknowledge(parsed.data.alarm);
        return { body: parts.alarms.list() };
      },
    },
  });
}
