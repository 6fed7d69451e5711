import { createServer } from 'node:net';
import { EdgelogError } from '@edgelog/base';
import { formatAddress, listen, parseAddress } from '@edgelog/runtime';
import type { DevSettings } from './settings.ts';

const SETTINGS = [
  ['kafka', '--kafka'],
  ['sync', '--sync'],
  ['hubHttp', '--hub-http'],
  ['mqtt', '--mqtt'],
  ['agentHttp', '--agent-http'],
] as const;

/**
 * Tries every address before anything starts, and gives port 0 a number. Throws ADDRESS_IN_USE with all that are taken,
 * each with the flag that changes it.
 */
export async function claimPorts(settings: DevSettings): Promise<DevSettings> {
  const claimed = { ...settings };
  const problems: EdgelogError[] = [];
  const servers = [];
  for (const [key, flag] of SETTINGS) {
    const server = createServer();
    const address = parseAddress(settings[key], flag);
    try {
      claimed[key] = formatAddress({ host: address.host, port: await listen(server, address, flag) });
      servers.push(server);
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      problems.push(error);
    }
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  if (problems[0] === undefined) return claimed;
  throw new EdgelogError(problems[0].code, problems.map(({ message }) => message).join('; '));
}
