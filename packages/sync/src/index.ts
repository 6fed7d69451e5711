export * from './frames/types.ts';
export type { SyncLog } from './log.ts';
export * from './ports.ts';
export { startSyncServer } from './server.ts';
export type * from './server-types.ts';
export { startUplink } from './uplink.ts';
export type * from './uplink-types.ts';
