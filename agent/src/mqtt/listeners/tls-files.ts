import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { EdgelogError } from '@edgelog/base';

/** PEM files of the listeners with TLS. */
export interface TlsFiles {
  /** The certificate, followed by those between it and its root. */
  cert: string;
  key: string;
  /** Where it is given, clients must show a certificate that one of these signed. */
  clientCa: string | undefined;
}

export interface TlsMaterial extends SecureContextOptions {
  cert: Buffer;
  key: Buffer;
  ca?: Buffer;
}

export interface LoadedTls {
  material: TlsMaterial;
  /** Of the certificate: last moment it is valid, ms. */
  validToMs: number;
}

/** Throws CONFIG_INVALID naming the setting, the file and what is wrong with it. */
export function loadTls(files: TlsFiles): LoadedTls {
  const cert = read('--mqtt-tls-cert', files.cert);
  const key = read('--mqtt-tls-key', files.key);
  const certificate = parse('--mqtt-tls-cert', files.cert, 'holds no certificate in PEM', () => {
    return new X509Certificate(cert);
  });
  const privateKey = parse('--mqtt-tls-key', files.key, 'holds no private key in PEM', () => parseKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw fault('--mqtt-tls-key', files.key, `is not the key of the certificate in ${files.cert}`);
  }
  const material: TlsMaterial = { cert, key };
  if (files.clientCa !== undefined) {
    const ca = read('--mqtt-tls-client-ca', files.clientCa);
    parse(
      '--mqtt-tls-client-ca',
      files.clientCa,
      'holds no certificate in PEM',
      () => new X509Certificate(ca),
    );
    material.ca = ca;
  }
  parse('--mqtt-tls-cert', files.cert, 'cannot be used', () => createSecureContext(material));
  return { material, validToMs: Date.parse(certificate.validTo) };
}

function parseKey(key: Buffer): KeyObject {
  if (/ENCRYPTED/.test(key.toString('latin1')))
    throw new Error('it needs a passphrase; store it without one');
  return createPrivateKey(key);
}

function read(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw fault(setting, path, `cannot be read: ${(cause as Error).message}`, cause);
  }
}

function parse<T>(setting: string, path: string, what: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw fault(setting, path, `${what}: ${(cause as Error).message}`, cause);
  }
}

function fault(setting: string, path: string, what: string, cause?: unknown): EdgelogError {
  return new EdgelogError('CONFIG_INVALID', `${setting} ${path} ${what}`, { cause });
}
