import { EdgelogError } from '@edgelog/base';

/** What Node calls the faults of a broker's certificate, and what they mean. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has run out',
  CERT_NOT_YET_VALID: 'is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by itself; name it with --kafka-ca to trust it',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
  SELF_SIGNED_CERT_IN_CHAIN: 'is signed by an authority that is not trusted; name it with --kafka-ca',
  UNABLE_TO_GET_ISSUER_CERT: 'is signed by an authority that is not trusted; name it with --kafka-ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is signed by an authority that is not trusted; name it with --kafka-ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is signed by an authority that is not trusted; name it with --kafka-ca',
};

/** `what` says what did not come about, or ended. AUTHENTICATION_FAILED where one side does not take the other's certificate. */
export function describeLoss(what: string, cause: Error, isTls: boolean): EdgelogError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  if (cause instanceof EdgelogError) return cause;
  const flaw = CERTIFICATE[code];
  if (flaw !== undefined) {
    const detail = code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? ` (${message})` : dateOf(code);
    const reason = `${what}: the broker's certificate ${flaw}${detail}`;
    return new EdgelogError('AUTHENTICATION_FAILED', reason, { cause });
  }
  if (/^ERR_SSL_.*ALERT/.test(code)) {
    const reason = `${what}: the broker refuses TLS with ${nameOfAlert(code)}; does it take the certificate of --kafka-cert?`;
    return new EdgelogError('AUTHENTICATION_FAILED', reason, { cause });
  }
  return new EdgelogError('CONNECTION_LOST', `${what}: ${reasonOf(code, message, isTls)}`, { cause });
}

/** Many a gateway has no clock that survives a power cut. */
function dateOf(code: string): string {
  if (code !== 'CERT_HAS_EXPIRED' && code !== 'CERT_NOT_YET_VALID') return '';
  return `, if this machine's clock is right: it says ${new Date().toISOString().slice(0, 16)}Z`;
}

function reasonOf(code: string, message: string, isTls: boolean): string {
  if (code === 'ECONNREFUSED') return 'nothing listens there; is the broker running?';
  if (isTls && (code === 'ECONNRESET' || code.startsWith('ERR_SSL_') || code === 'EPROTO')) {
    return `${message}; does it speak TLS there?`;
  }
  return message;
}

/** `ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED` → `certificate required`. */
function nameOfAlert(code: string): string {
  return code
    .replace(/^.*ALERT_/, '')
    .replaceAll('_', ' ')
    .toLowerCase();
}
