import type { SecureContextOptions } from 'node:tls';
import type { Alarms } from '@edgelog/edge';
import type { Logger } from '@edgelog/runtime';
import { watchFiles } from '../../watched-files.ts';
import { loadTls, type TlsFiles, type TlsMaterial } from './tls-files.ts';

/** Servers whose later handshakes use what they are given; connections that stand are not touched. */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): void;
}

const EXPIRES_SOON_MS = 14 * 24 * 3600 * 1000;
const LOOK_AT_TIME_MS = 3600 * 1000;

/**
 * Certificate and key of the TLS listeners as the files have them now. Files that change are taken at once; where they
 * are wrong, an alarm says what, and those before stay.
 */
export class TlsKeeper {
  readonly #files: TlsFiles;
  readonly #alarms: Alarms;
  readonly #unreadable: string;
  readonly #expires: string;
  readonly #log: Logger;
  readonly #servers: SecureServer[] = [];
  readonly #stopWatching: () => void;
  readonly #timer: NodeJS.Timeout;
  #material: TlsMaterial;
  #validToMs: number;

  /** `name` is what its alarms begin with: of two keepers each has its own, which the other must not end. Throws CONFIG_INVALID. */
  constructor(files: TlsFiles, name: 'mqtt' | 'http', alarms: Alarms, log: Logger) {
    this.#files = files;
    this.#alarms = alarms;
    this.#unreadable = `${name} certificate`;
    this.#expires = `${name} certificate expires`;
    this.#log = log;
    const { cert, key, clientCa } = files;
    this.#stopWatching = watchFiles([cert, key, ...(clientCa === undefined ? [] : [clientCa])], () =>
      this.#reload(),
    );
    try {
      ({ material: this.#material, validToMs: this.#validToMs } = loadTls(files));
    } catch (error) {
      this.#stopWatching();
      throw error;
    }
    this.#timer = setInterval(() => this.#lookAtTime(), LOOK_AT_TIME_MS);
    this.#timer.unref();
    this.#lookAtTime();
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  get asksForClientCertificate(): boolean {
    return this.#files.clientCa !== undefined;
  }

  status() {
    return { cert: this.#files.cert, validTo: new Date(this.#validToMs).toISOString() };
  }

  serve(server: SecureServer): void {
    this.#servers.push(server);
  }

  stop(): void {
    this.#stopWatching();
    clearInterval(this.#timer);
  }

  #reload(): void {
    try {
      ({ material: this.#material, validToMs: this.#validToMs } = loadTls(this.#files));
    } catch (error) {
      this.#alarms.raise(
        this.#unreadable,
        `${(error as Error).message}; the certificate before it stays in use`,
      );
      return;
    }
    for (const server of this.#servers) server.setSecureContext(this.#material);
    this.#alarms.clear(this.#unreadable);
    this.#log.info('certificate reloaded', this.status());
    this.#lookAtTime();
  }

  #lookAtTime(): void {
    const leftMs = this.#validToMs - Date.now();
    if (leftMs > EXPIRES_SOON_MS) {
      this.#alarms.clear(this.#expires);
      return;
    }
    const { cert, validTo } = this.status();
    const what = leftMs <= 0 ? 'has expired' : 'expires';
    this.#alarms.raise(this.#expires, `${cert} ${what} at ${validTo}; who checks it will not connect`);
  }
}
