export type { Incoming, Ingest, Taken } from './incoming.ts';
export {
  createIngest,
  type IngestOptions,
  type IngestStatus,
  type RoutedIngest,
  type RouteStatus,
  TOPICS_ALARM,
} from './ingest.ts';
export { routesSchema } from './schema.ts';
export { Births } from './sparkplug/births.ts';
export { SwitchedIngest } from './switched.ts';
