import type { Agent } from 'node:http';
import { createRequire } from 'node:module';
import { EdgelogError } from '@edgelog/base';
import { isLoopback } from '@edgelog/runtime';

const require = createRequire(import.meta.url);

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The HTTP proxy for a hub's URL: `setting` (`http://[USER:PASSWORD@]HOST:PORT`, or `none`), else what the environment says in HTTPS_PROXY (wss:),
 * HTTP_PROXY (ws:) or ALL_PROXY, unless NO_PROXY names the host (`host`, `.domain`, `host:port`, `*`) or it is loopback.
 */
export function proxyFor(url: string, setting: string | undefined, env: Environment): string | undefined {
  if (setting !== undefined) return setting === 'none' ? undefined : setting;
  const { protocol, hostname, port } = new URL(url);
  if (isLoopback(hostname.replace(/[[\]]/g, ''))) return undefined;
  const named = (name: string) => env[name] || env[name.toLowerCase()] || undefined;
  const hostAndPort = `${hostname}:${port || (protocol === 'wss:' ? 443 : 80)}`;
  const excepted = (named('NO_PROXY') ?? '').split(/[\s,]+/).filter((entry) => entry !== '');
  if (excepted.some((entry) => isExcepted(entry.toLowerCase(), hostname, hostAndPort))) return undefined;
  return named(protocol === 'wss:' ? 'HTTPS_PROXY' : 'HTTP_PROXY') ?? named('ALL_PROXY');
}

/** Throws CONFIG_INVALID. */
export function checkProxy(text: string): void {
  const url = URL.parse(text);
  if (text === 'none' || (url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '')) return;
  throw new EdgelogError(
    'CONFIG_INVALID',
    `proxy "${text}": http://[USER:PASSWORD@]HOST:PORT or none is allowed`,
  );
}

/** For people. */
export function withoutCredentials(proxy: string): string {
  const { protocol, host } = new URL(proxy);
  return `${protocol}//${host}`;
}

/** Connections through CONNECT, with the URL's user and password as Basic credentials. */
export function proxyAgent(proxy: string): Agent {
  checkProxy(proxy);
  // Only where there is one: what it imports has Node load its fetch, 5 MB and a tenth of the time to start.
  const { HttpsProxyAgent } = require('https-proxy-agent') as typeof import('https-proxy-agent');
  return new HttpsProxyAgent(proxy);
}

function isExcepted(entry: string, hostname: string, hostAndPort: string): boolean {
  if (entry === '*' || entry === hostAndPort) return true;
  const domain = entry.replace(/^\*?\./, '');
  return hostname === domain || hostname.endsWith(`.${domain}`);
}
