export type { Connect } from './agent/connection.ts';
export { AgentLink, type AgentLinkOptions } from './agent/link.ts';
export { ReadMemory } from './agent/read-memory.ts';
export { handleAgent } from './agent/session.ts';
export { decodeFrame, encodeFrame } from './frames/codec.ts';
export * from './frames/types.ts';
export { HubLink, type HubLinkOptions } from './hub/link.ts';
export {
  createRegistry,
  handleRegistry,
  type Registry,
  type RegistryEffect,
  type RegistryEvent,
} from './hub/registry.ts';
export { handleHub } from './hub/session.ts';
export { type InProcessOptions, inProcess } from './in-process.ts';
export { MAX_FRAME_BYTES, SESSION_CREDIT_BYTES } from './limits.ts';
export type { SyncLog } from './log.ts';
export * from './port-rules.ts';
export * from './ports.ts';
export { startSyncServer } from './server.ts';
export type * from './server-types.ts';
export { startUplink } from './uplink.ts';
export type * from './uplink-types.ts';
export { UploadWindows } from './upload-windows.ts';
