import type { Route } from '@edgelog/sync';
import { proxyAgent, proxyFor, withoutCredentials } from './proxy.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

/** How a hub's URL is reached from here now. Throws CONFIG_INVALID for a file that cannot be read. */
export function routeTo(
  url: string,
  settings: TlsFiles & { readonly uplinkProxy?: string | undefined },
): Route {
  const proxy = proxyFor(url, settings.uplinkProxy, process.env);
  const tls = new URL(url).protocol === 'wss:' ? readTlsFiles(settings) : {};
  if (proxy === undefined) return tls;
  return { ...tls, agent: proxyAgent(proxy), via: withoutCredentials(proxy) };
}
