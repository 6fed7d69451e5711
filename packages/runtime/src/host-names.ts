import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { z } from 'zod';

/**
 * Nobody can register a name there: reserved for networks of one's own (RFC 6762, 6761, 8375; ICANN for `internal`), or used by so many of
 * them, as routers' default, that it is not given away (RFC 6762, appendix G).
 */
const PRIVATE_DOMAINS = [
  ...['.local', '.localhost', '.internal', '.home.arpa'],
  ...['.lan', '.home', '.corp', '.intranet', '.private'],
];
const LOOPBACK = /^(127\.|::1$|localhost$)/;
const HOST_NAME = /^\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i;

/** An address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * An address, this machine, or a name that the public DNS does not have: none of them can be a web site's own, which it would point at
 * this machine so that a browser takes both for the same site (DNS rebinding). `name` as URL has it.
 */
export function isOfThisNetwork(name: string): boolean {
  const plain = name.toLowerCase().replace(/\.$/, '');
  if (plain.startsWith('[') || isIP(plain) !== 0 || !plain.includes('.')) return true;
  return plain === hostname().toLowerCase() || PRIVATE_DOMAINS.some((domain) => plain.endsWith(domain));
}

/** Whether a name is one of those listed, or lies below one that begins with a dot. */
export function isListedHost(name: string, hosts: readonly string[]): boolean {
  const plain = name.toLowerCase().replace(/\.$/, '');
  return hosts.some((one) => {
    const host = one.toLowerCase();
    return host.startsWith('.') ? plain.endsWith(host) : plain === host;
  });
}

/** Schema of the setting `httpHosts`. */
export function httpHostsSetting() {
  return z
    .array(
      z
        .string()
        .regex(
          HOST_NAME,
          'expected a name such as gateway.plant.example, or .plant.example for all below it',
        ),
    )
    .default([])
    .describe(
      "further names under which --http is asked, as gateway.plant.example; .plant.example for all below it. Addresses, names without a dot, those in .local or .lan and this machine's own need no entry",
    );
}
