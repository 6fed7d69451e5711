import type { Server } from 'node:net';
import { EdgelogError } from '@edgelog/base';
import { z } from 'zod';

export interface Address {
  /** Name or IP address; IPv6 without brackets. */
  readonly host: string;
  /** 0 … 65535; 0 asks the system for a free port. */
  readonly port: number;
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]/]+)):(\d{1,5})$/;

function matchAddress(text: string): Address | undefined {
  const match = ADDRESS.exec(text);
  if (!match) return undefined;
  const port = Number(match[3]);
  return port > 65535 ? undefined : { host: (match[1] ?? match[2])!, port };
}

/** Parses `HOST:PORT` or `[IPV6]:PORT`. Throws CONFIG_INVALID naming `setting`, when given, and the text. */
export function parseAddress(text: string, setting?: string): Address {
  const address = matchAddress(text);
  if (!address) {
    const where = setting === undefined ? '' : `${setting}: `;
    throw new EdgelogError(
      'CONFIG_INVALID',
      `${where}${JSON.stringify(text)} is not HOST:PORT, port 0 to 65535`,
    );
  }
  return address;
}

/** `HOST:PORT`, with brackets around an IPv6 host. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Schema of a setting that holds one address, kept as text. */
export function addressSetting() {
  return z.string().refine((text) => matchAddress(text) !== undefined, 'expected HOST:PORT, port 0 to 65535');
}

/**
 * Binds a net, http or tls server and resolves with the real port.
 * `setting` is what the user would change, e.g. `--kafka`. Throws ADDRESS_IN_USE or CONFIG_INVALID naming it.
 */
export function listen(server: Server, address: Address, setting: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => reject(listenError(error, address, setting));
    server.once('error', onError);
    server.listen({ host: address.host, port: address.port, backlog: 1024 }, () => {
      server.off('error', onError);
      const bound = server.address();
      resolve(bound !== null && typeof bound === 'object' ? bound.port : address.port);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, address: Address, setting: string): EdgelogError {
  const at = formatAddress(address);
  if (error.code === 'EADDRINUSE') {
    return new EdgelogError(
      'ADDRESS_IN_USE',
      `${setting} ${at} is already in use by another process; stop it, or choose another address with ${setting} HOST:PORT`,
    );
  }
  const reason =
    error.code === 'EACCES'
      ? 'this user may not bind that port'
      : error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN'
        ? 'no such address on this machine'
        : error.message;
  return new EdgelogError('CONFIG_INVALID', `${setting} ${at} cannot be bound: ${reason}`, { cause: error });
}
