export type { Incoming, Ingest, Taken } from './incoming.ts';
export {
  createIngest,
  type IngestOptions,
  type IngestStatus,
  type RoutedIngest,
  type RouteStatus,
} from './ingest.ts';
export { routesSchema } from './schema.ts';
export { TOPIC_NAME } from './topic-name.ts';
