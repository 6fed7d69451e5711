import type { IncomingMessage } from 'node:http';
import { isListedHost, isOfThisNetwork } from './host-names.ts';
import type { OpsResponse } from './ops-server.ts';

type Asked = Pick<IncomingMessage, 'method' | 'headers'>;

/**
 * What a browser asks for a page of somebody else's is refused, whoever looks at that page: by a name that is none of this network's (DNS
 * rebinding) with 421 [RFC 9110, 15.5.20], and from a page of another site, by `Origin` [RFC 6454] or `Sec-Fetch-Site` [Fetch Metadata],
 * with 403. Whoever is no browser sends neither, and may leave `Host` out. `hosts`: names that are known besides.
 */
export function refusalOf(request: Asked, hosts: readonly string[]): OpsResponse | undefined {
  const { host, origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = request.headers;
  if (host !== undefined && !isKnownHost(host, hosts)) {
    const name = URL.parse(`http://${host}`)?.hostname ?? host;
    return refused(
      421,
      `not asked for under the name ${JSON.stringify(name)}: a web site could point it here (DNS rebinding); if it is a name of this machine, add it to the setting httpHosts, or use an address`,
    );
  }
  const isFromElsewhere = site === 'cross-site' || site === 'same-site';
  // A link may lead here from anywhere.
  const isLink = mode === 'navigate' && (request.method === 'GET' || request.method === 'HEAD');
  // Said by the browser itself, and no page can say it: a proxy in front asks under another name.
  const isOwn = site === 'same-origin' || origin === undefined || isOwnOrigin(origin, host, hosts);
  if ((isFromElsewhere && !isLink) || !isOwn) {
    const from = origin === undefined ? '' : ` (${origin})`;
    return refused(
      403,
      `pages of another site${from} may not ask here; where that is a proxy in front of this, add its name to the setting httpHosts`,
    );
  }
  return undefined;
}

function isKnownHost(host: string, hosts: readonly string[]): boolean {
  // The zone of a link-local address, which URL does not know (RFC 6874), says nothing here.
  const url = URL.parse(`http://${host.replace(/%[^\]]*(?=\])/, '')}`);
  // More than a name and a port: no browser sends that.
  if (url === null || url.pathname !== '/' || url.username !== '' || url.search !== '') return false;
  return isOfThisNetwork(url.hostname) || isListedHost(url.hostname, hosts);
}

/** The page's own origin is where it came from; a proxy in front may ask under another name than browsers do. */
function isOwnOrigin(origin: string, host: string | undefined, hosts: readonly string[]): boolean {
  const url = URL.parse(origin);
  if (url === null) return false;
  return url.host === URL.parse(`${url.protocol}//${host}`)?.host || isListedHost(url.hostname, hosts);
}

function refused(status: number, error: string): OpsResponse {
  return { status, body: { error } };
}
