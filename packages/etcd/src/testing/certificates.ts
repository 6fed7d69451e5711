import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A throw-away authority and a certificate of 127.0.0.1 by it, for server and client: the gateway is etcd's own client. They lie in `dir`,
 * for the caller to remove.
 */
export function testCertificates(dir = mkdtempSync(join(tmpdir(), 'edgelog-etcd-tls-'))): {
  dir: string;
  caFile: string;
  certFile: string;
  keyFile: string;
} {
  const file = (name: string): string => join(dir, name);
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  writeFileSync(
    file('member.ext'),
    'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n',
  );
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
  );
  openssl('req', ...newKey, '-keyout', 'member.key', '-out', 'member.csr', '-subj', '/CN=member');
  openssl(
    ...['x509', '-req', '-in', 'member.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
    ...['-out', 'member.pem', '-days', '2', '-extfile', 'member.ext'],
  );
  return { dir, caFile: file('ca.pem'), certFile: file('member.pem'), keyFile: file('member.key') };
}
