import { readFileSync } from 'node:fs';
import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { EdgelogError } from '@edgelog/base';
import { type Address, formatAddress } from '@edgelog/runtime';
import type { TlsFiles } from './security.ts';
import { describeLoss } from './socket-errors.ts';

/** A connection to a broker. */
export interface BrokerSocket {
  /** What is read and written. */
  readonly stream: Socket;
  /** Ends it; what was written is still delivered. */
  close(): void;
  /**
   * Ends it at once, by a reset: what lies unsent in the system's memory is not delivered any more. Delivered minutes after everybody gave it
   * up, a batch could be taken for a new one.
   */
  reset(): void;
}

/** What plain connections read into, all of them: fresh memory for each read costs a busy follower a fifth of its time in collections. */
const READ_BYTES = 256 * 1024;
let shared: Buffer | undefined;

export interface SocketOptions {
  readonly tls: TlsFiles | undefined;
  readonly timeoutMs: number;
  /** Given what arrives, in memory that is overwritten when it returns. Without it the stream is the caller's to read. */
  readonly onChunk?: (chunk: Buffer) => void;
}

/** How long a silent connection lasts before the system asks whether the other side is there. */
const KEEP_ALIVE_MS = 15_000;

/**
 * A connection, encrypted where `tls` is given, and then to a broker whose certificate is good for `address.host`. Throws CONNECTION_LOST,
 * TIMEOUT, AUTHENTICATION_FAILED (the certificate), CONFIG_INVALID (a file).
 */
export function openSocket(
  address: Address,
  { tls, timeoutMs, onChunk }: SocketOptions,
): Promise<BrokerSocket> {
  const { host, port } = address;
  const at = formatAddress(address);
  return new Promise((resolve, reject) => {
    const secureContext = tls && readTlsFiles(tls);
    const tcp = connectTcp({
      ...{ host, port, noDelay: true },
      ...{ keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
      ...(tls === undefined && onChunk !== undefined && { onread: readShared(onChunk) }),
    });
    const stream =
      secureContext === undefined
        ? tcp
        : connectTls({ socket: tcp, host, ...(isIP(host) === 0 && { servername: host }), secureContext });
    // As long as they live: what breaks after their end, or twice, is nobody's news.
    for (const one of [tcp, stream]) one.on('error', () => {});
    // Not at once: a TLS stream that loses its socket in the middle of one of its own callbacks takes the whole process along (Node 24).
    const end = () =>
      void setImmediate(() => {
        tcp.resetAndDestroy();
        stream.destroy();
      });
    const timer = setTimeout(() => {
      end();
      const hint = tls === undefined ? '' : '; does it speak TLS there?';
      reject(new EdgelogError('TIMEOUT', `no connection to ${at} within ${timeoutMs} ms${hint}`));
    }, timeoutMs);
    const onError = (cause: Error) => {
      clearTimeout(timer);
      end();
      reject(describeLoss(`no connection to ${at}`, cause, tls !== undefined));
    };
    tcp.once('error', onError);
    stream.once('error', onError);
    stream.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer);
      tcp.off('error', onError);
      stream.off('error', onError);
      if (tls !== undefined && onChunk !== undefined) stream.on('data', onChunk);
      resolve({ stream, reset: end, close: () => void stream.destroy() });
    });
  });
}

function readShared(onChunk: (chunk: Buffer) => void): OnReadOpts {
  shared ??= Buffer.allocUnsafeSlow(READ_BYTES);
  const buffer = shared;
  return {
    buffer,
    callback: (bytes) => {
      onChunk(buffer.subarray(0, bytes));
      return true;
    },
  };
}

/** What the files hold now. Throws CONFIG_INVALID naming the file, or what is wrong with all. */
function readTlsFiles({ ca, cert, key }: TlsFiles): SecureContext {
  const pem = {
    ...(ca !== undefined && { ca: read(ca) }),
    ...(cert !== undefined && { cert: read(cert) }),
    ...(key !== undefined && { key: read(key) }),
  };
  try {
    return createSecureContext(pem);
  } catch (cause) {
    const files = [ca, cert, key].filter((file) => file !== undefined).join(', ');
    const { message } = cause as Error;
    throw new EdgelogError('CONFIG_INVALID', `the PEM files ${files} are not to be used: ${message}`, {
      cause,
    });
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { message } = cause as Error;
    throw new EdgelogError('CONFIG_INVALID', `the PEM file ${path} cannot be read: ${message}`, { cause });
  }
}
