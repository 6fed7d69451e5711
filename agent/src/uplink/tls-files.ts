import { readFileSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';

/** PEM files of an uplink over wss://. */
export interface TlsFiles {
  /** Authorities that sign the hub's certificate, in the place of the system's. */
  hubCa?: string | undefined;
  /** This gateway's own certificate and its key. */
  hubCert?: string | undefined;
  hubKey?: string | undefined;
}

/**
 * What the files hold now. They are read for each connection, so that renewed ones are used from the next on. Throws
 * CONFIG_INVALID naming the file.
 */
export function readTlsFiles(files: TlsFiles): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  const { hubCa: ca, hubCert: cert, hubKey: key } = files;
  return {
    ...(ca !== undefined && { ca: read(ca) }),
    ...(cert !== undefined && { cert: read(cert) }),
    ...(key !== undefined && { key: read(key) }),
  };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { message } = error as Error;
    throw new EdgelogError('CONFIG_INVALID', `the uplink's ${path} cannot be read: ${message}`);
  }
}
