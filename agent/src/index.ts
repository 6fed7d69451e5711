export { type AgentDeps, type RunningAgent, startAgent } from './agent.ts';
export { agentCommand } from './command.ts';
export { routesCommand } from './ingest/routes-command.ts';
export { type AgentSettings, agentSettingsSchema } from './settings.ts';
