import { type RouteSetting, routeSchema } from '../ingest/schema.ts';
import { parsePort } from './port-spec.ts';
import type { SerialSetting } from './setting.ts';

/** What `topic` of a port means: a route behind those of the user, for the port's name and those of instruments on it. */
export function topicRoutes(serial: readonly SerialSetting[]): RouteSetting[] {
  return serial.flatMap((setting) => {
    const { topic } = setting;
    if (topic === undefined) return [];
    const name = namePattern(setting);
    const match = { kind: 'serial', port: [name, `${name}/*`] };
    return [routeSchema.parse({ name: `topic of serial port ${setting.port}`, match, topic })];
  });
}

/** Matches the names that the lines of a setting have. */
function namePattern({ name, port }: SerialSetting): string {
  if (name !== undefined) return name;
  const spec = parsePort(port);
  // A pattern of names alone stands for those in /dev/serial/by-id.
  return spec?.kind === 'pattern' && !port.includes('/') ? `${spec.dir}/${port}` : port;
}
