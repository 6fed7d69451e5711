import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { EdgelogError } from '@edgelog/base';
import { type Address, formatAddress } from '@edgelog/runtime';

/** The addresses that a name stands for on this machine. Throws CONNECTION_LOST. */
export async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => address);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new EdgelogError('CONNECTION_LOST', `the name ${host} is not known here (${code})`, { cause });
  }
}

/** How long a TCP connection takes, ms. Throws CONNECTION_LOST or TIMEOUT. */
export async function tcpMs(address: Address, timeoutMs: number): Promise<number> {
  const at = formatAddress(address);
  const startedAt = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(address.port, address.host, resolve);
  socket.setTimeout(timeoutMs, () =>
    reject(new EdgelogError('TIMEOUT', `${at} does not answer within ${timeoutMs} ms`)),
  );
  socket.once('error', (cause) =>
    reject(new EdgelogError('CONNECTION_LOST', `${at} cannot be reached: ${cause.message}`, { cause })),
  );
  try {
    await promise;
    return performance.now() - startedAt;
  } finally {
    socket.destroy();
  }
}
