export { AgentStore, type AgentStoreHooks, type AgentStoreOptions } from './agent-store.ts';
export { recordsIn, sealBatch } from './batch.ts';
export { type Clock, realClock } from './clock.ts';
export { agentStore, hubStore, listening, numbers, silent, until } from './fixtures.ts';
export { HubStore, type HubStoreOptions, type StoredBatch } from './hub-store.ts';
export { claim, freePorts } from './ports.ts';
export { Prng } from './prng.ts';
export { Scheduler } from './scheduler.ts';
