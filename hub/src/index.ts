export { hubCommand } from './command.ts';
export { type HubDeps, type RunningHub, startHub } from './hub.ts';
export { type HubSettings, hubSettings } from './settings.ts';
