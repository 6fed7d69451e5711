import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createServer, type SecureContextOptions } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDir, testAgent, testHub, until } from '../testing/fixture.ts';
import { MemoryHub } from '../testing/memory-hub.ts';
import { publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A root NAME.crt and a certificate for 127.0.0.1 signed by it, NAME-leaf.crt; one that has run out where `isExpired`. */
function makeCertificates(dir: string, name: string, isExpired = false): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  openssl('req', '-x509', ...EC, '-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=${name}`);
  openssl('req', ...EC, '-keyout', `${name}-leaf.key`, '-out', 'csr', '-subj', '/CN=leaf');
  writeFileSync(join(dir, 'ext'), 'subjectAltName=IP:127.0.0.1\n');
  const validity = ['-days', isExpired ? '0' : '2'];
  const signed = ['-CA', `${name}.crt`, '-CAkey', `${name}.key`, '-CAcreateserial', '-extfile', 'ext'];
  openssl('x509', '-req', '-in', 'csr', ...signed, ...validity, '-out', `${name}-leaf.crt`);
}

/** Resolves when a certificate made for no time at all has run out. */
async function runOut(pem: Buffer): Promise<void> {
  const end = Date.parse(new X509Certificate(pem).validTo);
  await until('it has run out', () => Date.now() > end + 1_000);
}

/** TLS in front of a port of this machine; `use` changes its certificate. */
async function tlsBefore(port: number, context: SecureContextOptions) {
  const server = createServer({ ...context, requestCert: context.ca !== undefined }, (from) => {
    const to = connect(port, '127.0.0.1');
    from.on('error', () => to.destroy());
    to.on('error', () => from.destroy());
    from.pipe(to).pipe(from);
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  const url = `wss://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  return { url, use: (next: SecureContextOptions) => server.setSecureContext(next) };
}

async function publish(port: number, value: string): Promise<void> {
  const client = await RawMqtt.connect(port, 'dev');
  client.send(publishPacket('t', value));
  await client.packets('puback', 1);
  client.socket.end();
}

test('broken after certificates expired offline (IoT Edge, smallstep): devices are served all the same, and renewed files are taken without a restart', async () => {
  const dir = temporaryDir();
  for (const name of ['old', 'renewed']) makeCertificates(dir, name, name === 'old');
  const read = (name: string) => readFileSync(join(dir, name));
  const pair = (name: string) => ({ cert: read(`${name}-leaf.crt`), key: read(`${name}-leaf.key`) });
  await runOut(read('old-leaf.crt'));
  const hub = new MemoryHub();
  const { port } = await testHub(hub);
  const front = await tlsBefore(port, pair('old'));
  const hubCa = join(dir, 'ca.crt');
  copyFileSync(join(dir, 'old.crt'), hubCa);
  const agent = await testAgent(
    { dataDir: temporaryDir(), hub: [front.url], hubCa },
    { uplinkTuning: { backoffMinMs: 10, backoffMaxMs: 50 } },
  );
  const lastError = () => agent.status().uplink.lastError ?? '';
  await until('the expired certificate is refused', () => /expired/.test(lastError()));
  await publish(agent.mqttPort, 'a');
  front.use(pair('renewed'));
  await until('the new one has another root', () => /self-signed|issuer|unable to verify/.test(lastError()));
  await publish(agent.mqttPort, 'b');
  copyFileSync(join(dir, 'renewed.crt'), hubCa);
  await until('all is there', () => hub.values().length === 2);
  expect(hub.values()).toEqual(['a', 'b']);
});

test('a gateway shows its certificate to a hub that asks for it, and a file that is missing is named', async () => {
  const dir = temporaryDir();
  makeCertificates(dir, 'root');
  const file = (name: string) => join(dir, name);
  const read = (name: string) => readFileSync(file(name));
  const hub = new MemoryHub();
  const { port } = await testHub(hub);
  const front = await tlsBefore(port, {
    cert: read('root-leaf.crt'),
    key: read('root-leaf.key'),
    ca: read('root.crt'),
  });
  const agent = await testAgent(
    {
      dataDir: temporaryDir(),
      hub: [front.url],
      hubCa: file('root.crt'),
      hubCert: file('device.crt'),
      hubKey: file('root-leaf.key'),
    },
    { uplinkTuning: { backoffMinMs: 10, backoffMaxMs: 50 } },
  );
  await until(
    'the file is named',
    () => agent.status().uplink.lastError?.includes(file('device.crt')) === true,
  );
  copyFileSync(file('root-leaf.crt'), file('device.crt'));
  await until('connected', () => agent.status().uplink.state === 'live');
});
