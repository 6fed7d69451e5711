/**
 * Agents in one process: `node agents-main.ts '{"dir":…,"topic":…,"hubs":[[…]]}'`, one for each list of URLs. Prints
 * `ready` and, as JSON, the ports of each.
 */
import { join } from 'node:path';
import { agentSettingsSchema, type RunningAgent, startAgent } from '@edgelog/agent';

export interface AgentsOptions {
  readonly dir: string;
  readonly topic: string;
  readonly hubs: readonly (readonly string[])[];
}

const options = JSON.parse(process.argv[2]!) as AgentsOptions;
const agents: RunningAgent[] = [];
for (const [index, hub] of options.hubs.entries()) {
  const settings = agentSettingsSchema.parse({
    dataDir: join(options.dir, `agent-${index}`),
    gateway: `gw-${index}`,
    topic: options.topic,
    hub,
    mqtt: '127.0.0.1:0',
    http: '127.0.0.1:0',
  });
  agents.push(await startAgent(settings));
}
const ports = agents.map(({ mqttPort, httpPort }) => ({ mqttPort, httpPort }));
process.stdout.write(`ready ${JSON.stringify(ports)}\n`);
process.once('SIGTERM', () => {
  void Promise.all(agents.map((agent) => agent.stop())).then(() => process.exit(0));
});
