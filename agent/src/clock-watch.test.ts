import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Alarms, GatewayClock } from '@edgelog/edge';
import { silentLogger } from '@edgelog/runtime';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tellCertificate, watchClock } from './clock-watch.ts';
import { temporaryDir, testAgent, testHub, until } from './testing/fixture.ts';
import { MemoryHub } from './testing/memory-hub.ts';
import { publishPacket, RawMqtt } from './testing/raw-mqtt.ts';

/** A certificate for localhost between two dates as `openssl ca` writes them, and its key. */
function certificate(from: string, to: string): { cert: string; key: string } {
  const dir = temporaryDir();
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  writeFileSync(
    join(dir, 'ca.cnf'),
    '[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=.\ndatabase=index\nserial=serial\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\nsubjectAltName=DNS:localhost\n',
  );
  writeFileSync(join(dir, 'index'), '');
  writeFileSync(join(dir, 'serial'), '01\n');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key'];
  openssl('req', ...key, '-out', 'csr', '-subj', '/CN=localhost');
  const dates = ['-startdate', from, '-enddate', to];
  const files = ['-keyfile', 'key', '-in', 'csr', '-out', 'cert'];
  openssl('ca', '-batch', '-selfsign', '-config', 'ca.cnf', '-notext', ...files, ...dates);
  return { cert: readFileSync(join(dir, 'cert'), 'utf8'), key: readFileSync(join(dir, 'key'), 'utf8') };
}

const publish = async (port: number, client: string, values: string[]) => {
  const device = await RawMqtt.connect(port, client);
  device.send(...values.map((value, i) => publishPacket('t', value, { messageId: i + 1, qos: 1 })));
  await device.packets('puback', values.length);
};

describe('clock days off, TLS fails; timestamps before NTP (WaziGate, Pi kernels)', () => {
  test('records taken before the hub handed out its time say so, and keep to the floor; those after it have its time', async () => {
    const hub = new MemoryHub();
    const server = await testHub(hub);
    const wrongMs = 3 * 86_400_000;
    const agent = await testAgent(
      { dataDir: temporaryDir(), hub: [server.url] },
      { now: () => Date.now() - wrongMs },
    );
    agent.setUplinkPaused(true);
    expect(agent.status().clock.source).not.toBe('system');
    const wasTrusted = agent.status().clock.trusted;
    await publish(agent.mqttPort, 'dev', ['before']);
    agent.setUplinkPaused(false);
    await until('the hub handed out its time', () => agent.status().clock.source === 'hub');
    await publish(agent.mqttPort, 'dev', ['after']);
    await until('both are at the hub', () => hub.records().length === 2);
    const [before, after] = hub.records();
    const quality = before!.headers.find(({ key }) => key === 'edgelog.clock');
    expect(quality?.value?.toString()).toBe(wasTrusted ? undefined : 'untrusted');
    expect(after!.headers.map(({ key }) => key)).not.toContain('edgelog.clock');
    expect(Math.abs(after!.timestamp - Date.now())).toBeLessThan(3_600_000);
    expect(agent.status().clock).toMatchObject({ trusted: true, offsetToHubMs: expect.closeTo(wrongMs, -5) });
  });

  test("clock days off, TLS fails: a hub's certificate that is not valid yet by this clock is never waived, and the alarm names the clock", async () => {
    const server = createServer(certificate('20990101000000Z', '21000101000000Z'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const alarms = new Alarms({ info: () => {}, error: () => {} });
    const agent = await testAgent({
      dataDir: temporaryDir(),
      hub: [`wss://localhost:${(server.address() as AddressInfo).port}`],
    });
    await publish(agent.mqttPort, 'dev', ['taken all the same']);
    await until('the alarm stands', () =>
      agent.status().alarms.some(({ name }) => name === 'clock and certificate'),
    );
    const error = agent.status().uplink.lastError;
    expect(error).toMatch(/certificate is not yet valid/i);
    const clock = new GatewayClock({ wallMs: () => 0, monotonicMs: () => 0 });
    tellCertificate(error, clock, alarms);
    expect(alarms.list()[0]?.message).toMatch(
      /certificate is not valid at the time of this gateway's clock, 1970-01-01T00:00Z .*nothing confirms that clock/,
    );
    tellCertificate('connect ECONNREFUSED', clock, alarms);
    expect(alarms.list()).toEqual([]);
  });

  test('where the system is synchronised, it is the certificate that is blamed', () => {
    const alarms = new Alarms({ info: () => {}, error: () => {} });
    const clock = new GatewayClock({ wallMs: Date.now, monotonicMs: () => 0, trustSystem: true });
    tellCertificate('certificate has expired', clock, alarms);
    expect(alarms.list()[0]?.message).toContain('it is the certificate that must be renewed');
  });
});

test("the system's word that its clock is synchronised is taken, and taken back by nothing but a jump", () => {
  const file = join(temporaryDir(), 'synchronized');
  const watch = (synchronizedFile: string) => {
    const { clock, stop } = watchClock({
      wallMs: Date.now,
      monotonicMs: () => performance.now(),
      trustSystem: false,
      alarms: new Alarms({ info: () => {}, error: () => {} }),
      log: silentLogger,
      synchronizedFile,
      uplinkError: () => undefined,
    });
    stop();
    return clock.status().source;
  };
  expect(watch(file)).toBe('unconfirmed');
  writeFileSync(file, '');
  utimesSync(file, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
  expect(watch(file)).toBe('system');
});
