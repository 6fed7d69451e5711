/** PEM files. They are read for each connection, so that renewed ones are used from the next on. */
export interface TlsFiles {
  /** Authorities that sign the brokers' certificates, in the place of the system's. */
  readonly ca?: string | undefined;
  /** The client's own certificate (mTLS) and its key: both or none. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export type PasswordMechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512';

/** Where a bearer token comes from: asked for each time one is needed. */
export type TokenSource =
  /** A file with the token (RFC 6750), read anew. */
  | { readonly file: string }
  /** Client credentials grant (RFC 6749, section 4.4) of this URL, http:// or https://. */
  | {
      readonly url: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope?: string | undefined;
    };

export type Sasl =
  | { readonly mechanism: PasswordMechanism; readonly user: string; readonly password: string }
  | { readonly mechanism: 'oauthbearer'; readonly token: TokenSource };

/** How a client shows who it is, and knows whom it speaks to. */
export interface KafkaSecurity {
  /** Undefined: not encrypted. */
  readonly tls?: TlsFiles | undefined;
  /** Undefined: nothing, or the certificate alone. */
  readonly sasl?: Sasl | undefined;
}

/** What is wrong with it, though it works: for a warning in the log. */
export function securityWarning(
  { tls, sasl }: KafkaSecurity,
  bootstrap: readonly string[],
): string | undefined {
  const isReadable = sasl?.mechanism === 'plain' || sasl?.mechanism === 'oauthbearer';
  if (tls !== undefined || !isReadable || bootstrap.every(isLoopback)) return undefined;
  const what = sasl.mechanism === 'plain' ? 'the password of SASL PLAIN' : 'the token of SASL OAUTHBEARER';
  return `${what} travels unencrypted to ${bootstrap.join(', ')}: use kafka+tls://`;
}

function isLoopback(address: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]):\d+$/.test(address);
}
