export type { Incoming, Ingest, Taken } from './incoming.ts';
export { createIngest, type IngestOptions } from './ingest.ts';
