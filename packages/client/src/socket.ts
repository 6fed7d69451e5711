import { readFileSync } from 'node:fs';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { EdgelogError } from '@edgelog/base';
import { type Address, formatAddress } from '@edgelog/runtime';
import type { TlsFiles } from './security.ts';
import { describeLoss } from './socket-errors.ts';

/** How long a silent connection lasts before the system asks whether the other side is there. */
const KEEP_ALIVE_MS = 15_000;

/**
 * A connection, encrypted where `tls` is given, and then to a broker whose certificate is good for `address.host`. Throws CONNECTION_LOST,
 * TIMEOUT, AUTHENTICATION_FAILED (the certificate), CONFIG_INVALID (a file).
 */
export function openSocket(
  address: Address,
  { tls, timeoutMs }: { tls: TlsFiles | undefined; timeoutMs: number },
): Promise<Socket> {
  const { host, port } = address;
  const at = formatAddress(address);
  return new Promise((resolve, reject) => {
    const socket =
      tls === undefined
        ? connectTcp({ host, port })
        : connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...readTlsFiles(tls) });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new EdgelogError('TIMEOUT', `no connection to ${at} within ${timeoutMs} ms`));
    }, timeoutMs);
    const onError = (cause: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(describeLoss(`no connection to ${at}`, cause, tls !== undefined));
    };
    socket.once('error', onError);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      resolve(socket);
    });
  });
}

/** What the files hold now. Throws CONFIG_INVALID naming the file. */
function readTlsFiles({ ca, cert, key }: TlsFiles): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  return {
    ...(ca !== undefined && { ca: read(ca) }),
    ...(cert !== undefined && { cert: read(cert) }),
    ...(key !== undefined && { key: read(key) }),
  };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { message } = cause as Error;
    throw new EdgelogError('CONFIG_INVALID', `the PEM file ${path} cannot be read: ${message}`, { cause });
  }
}
