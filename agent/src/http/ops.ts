import { EdgelogError } from '@edgelog/base';
import { type Logger, type Metrics, type OpsRequest, type OpsServer, startOpsServer } from '@edgelog/runtime';
import { z } from 'zod';
import type { AgentSettings } from '../settings.ts';
import { type AgentParts, agentHealth, agentStatus } from '../status.ts';
import { HttpAccess } from './access.ts';
import { type HttpListenerSettings, secureListener, warnWhereOpen } from './listeners.ts';
import { pageRoutes } from './page.ts';
import { streamRoutes } from './stream-routes.ts';

export interface AgentHttpOptions {
  readonly settings: HttpListenerSettings & Pick<AgentSettings, 'httpUsers'>;
  /** Names under which it is asked, besides those that need no entry. */
  readonly hosts: () => readonly string[];
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
export async function startAgentHttp(options: AgentHttpOptions): Promise<OpsServer> {
  const { settings, hosts, parts, metrics, log } = options;
  const { alarms, gateway } = parts;
  const access = new HttpAccess({
    path: settings.httpUsers,
    gateway,
    failedLogins: metrics.counter(
      'edgelog_http_failed_logins_total',
      'HTTP logins refused: unknown user, wrong password.',
    ),
    alarms,
    log,
    monotonicMs: () => performance.now(),
  });
  let secure: ReturnType<typeof secureListener>;
  const stop = () => {
    access.stop();
    secure?.stop();
  };
  try {
    secure = secureListener(settings, alarms, log);
    const server = await startOpsServer({
      address: settings.http,
      secure: secure?.listener,
      hosts,
      authorize: (request) => access.refusalOf(request),
      ...handlers(options),
    });
    warnWhereOpen(settings, access.hasUsers, alarms, log);
    access.onChange(() => server.dropConnections());
    const close = async () => {
      stop();
      await server.close();
    };
    return { ...server, close };
  } catch (error) {
    stop();
    throw error;
  }
}

function handlers({ parts, metrics, setUplinkPaused, log }: AgentHttpOptions) {
  return {
    health: () => agentHealth(parts),
    status: () => agentStatus(parts),
    metrics: () => metrics.render(),
    log,
    routes: {
      ...pageRoutes(),
      ...streamRoutes(parts.streams),
      'POST /uplink': ({ body }: OpsRequest) => {
        const parsed = uplinkBody.safeParse(body);
        if (!parsed.success)
          throw new EdgelogError('CONFIG_INVALID', 'expected {"paused": true} or {"paused": false}');
        setUplinkPaused(parsed.data.paused);
        return { body: parsed.data };
      },
      'POST /alarms/acknowledge': ({ body }: OpsRequest) => {
        const parsed = acknowledgeBody.safeParse(body);
        if (!parsed.success)
          throw new EdgelogError('CONFIG_INVALID', 'expected {"alarm": NAME}, as /status has it');
        parts.alarms.acknowledge(parsed.data.alarm);
        return { body: parts.alarms.list() };
      },
    },
  };
}
