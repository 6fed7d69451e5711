export { Connection, type ConnectionOptions, type RequestBody, type RequestOptions } from './connection.ts';
