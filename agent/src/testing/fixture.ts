import { temporaryDir, until } from '@edgelog/edge/testing/fixture.ts';
import { silentLogger } from '@edgelog/runtime';
import { type HubPort, type SyncServer, startSyncServer } from '@edgelog/sync';
import { onTestFinished } from 'vitest';
import { type AgentDeps, type RunningAgent, startAgent } from '../agent.ts';
import { type AgentSettings, agentSettingsSchema } from '../settings.ts';

export { temporaryDir, until };

/** Nobody listens there. */
export const NO_HUB = 'ws://127.0.0.1:9';

export function testSettings(given: Partial<AgentSettings> & { dataDir: string }): AgentSettings {
  return {
    ...agentSettingsSchema.parse({
      gateway: 'gw',
      hub: [NO_HUB],
      mqtt: '127.0.0.1:0',
      http: '127.0.0.1:0',
      lingerMs: 10,
      dataDir: given.dataDir,
    }),
    ...given,
  };
}

/** An agent in this process, on free ports, stopped when the test ends. */
export async function testAgent(
  given: Partial<AgentSettings> & { dataDir: string },
  deps: AgentDeps = {},
): Promise<RunningAgent> {
  const agent = await startAgent(testSettings(given), { log: silentLogger, ...deps });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= agent.stop();
    return stopped;
  };
  onTestFinished(stop);
  return { ...agent, stop };
}

export async function testHub(hub: HubPort): Promise<SyncServer & { url: string }> {
  const server = await startSyncServer({ host: '127.0.0.1', port: 0, hub, log: silentLogger });
  onTestFinished(() => server.close());
  return { ...server, port: server.port, url: `ws://127.0.0.1:${server.port}` };
}
