import { execFileSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hashPassword } from '../mqtt/access/index.ts';
import { temporaryDir, testAgent, until } from '../testing/fixture.ts';

async function usersFile(dir: string): Promise<string> {
  const path = join(dir, 'http-users');
  writeFileSync(path, `ann:${await hashPassword('secret')}\n`);
  return path;
}

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

describe('HTTP with users', () => {
  test('nobody reads, cuts the uplink or sees the page without a password, but a supervisor sees whether all is well', async () => {
    const dir = temporaryDir();
    const agent = await testAgent({ dataDir: join(dir, 'data'), httpUsers: await usersFile(dir) });
    const get = (path: string, init?: RequestInit) =>
      fetch(`http://127.0.0.1:${agent.httpPort}${path}`, init);
    for (const path of ['/', '/status', '/metrics', '/streams', '/streams/telemetry', '/nowhere']) {
      const response = await get(path);
      expect([path, response.status]).toEqual([path, 401]);
      expect(response.headers.get('www-authenticate')).toBe(
        'Basic realm="Edgelog gateway gw", charset="UTF-8"',
      );
    }
    const cut = { method: 'POST', body: '{"paused":true}', headers: { 'content-type': 'application/json' } };
    expect((await get('/uplink', cut)).status).toBe(401);
    expect(await (await get('/healthz')).text()).toBe('{"ok":true}\n');
    expect((await get('/status', { headers: { authorization: 'Bearer x' } })).status).toBe(401);
    expect((await get('/status', { headers: basic('bob', 'secret') })).status).toBe(401);
    expect((await get('/status', { headers: basic('ann', 'wrong') })).status).toBe(401);

    const headers = basic('ann', 'secret');
    expect((await get('/status', { headers })).status).toBe(200);
    expect(await (await get('/healthz', { headers })).json()).toEqual({ ok: true, reasons: [] });
    expect((await get('/uplink', { ...cut, headers: { ...cut.headers, ...headers } })).status).toBe(200);
    expect(agent.status().uplink.state).toBe('paused');
    expect(await (await get('/metrics', { headers })).text()).toMatch(/edgelog_http_failed_logins_total 2/);
  });

  test('who guesses must wait; the right password, known from before, works meanwhile', async () => {
    const dir = temporaryDir();
    const agent = await testAgent({ dataDir: join(dir, 'data'), httpUsers: await usersFile(dir) });
    const ask = async (password: string) => {
      const init = { headers: basic('ann', password) };
      return (await fetch(`http://127.0.0.1:${agent.httpPort}/status`, init)).status;
    };
    expect(await ask('secret')).toBe(200);
    // Each wrong one doubles the time in which the next is not looked at.
    let answer = 0;
    for (let i = 0; answer !== 429 && i < 20; i++) answer = await ask(`guess ${i}`);
    expect(answer).toBe(429);
    expect(await ask('secret')).toBe(200);
  });

  test('a file that is not there is named with its setting', async () => {
    const start = testAgent({ dataDir: temporaryDir(), httpUsers: '/no/such/file' });
    await expect(start).rejects.toThrow(/^--http-users \/no\/such\/file cannot be read/);
    const mqtt = testAgent({ dataDir: temporaryDir(), mqttUsers: '/no/such/file' });
    await expect(mqtt).rejects.toThrow(/^--mqtt-users \/no\/such\/file cannot be read/);
  });

  test('users who change are taken without a restart; who is removed reads no further; a broken file changes nothing', async () => {
    const dir = temporaryDir();
    const path = await usersFile(dir);
    const agent = await testAgent({ dataDir: join(dir, 'data'), httpUsers: path });
    const url = `http://127.0.0.1:${agent.httpPort}/status`;
    const status = async (user: string) => (await fetch(url, { headers: basic(user, 'secret') })).status;
    appendFileSync(path, 'no hash\n');
    await until('it is told', () => agent.status().alarms.some(({ name }) => name === 'http access'));
    expect(agent.status().alarms.find(({ name }) => name === 'http access')?.message).toMatch(
      /http-users:2: /,
    );
    expect(await status('ann')).toBe(200);
    writeFileSync(path, `eve:${await hashPassword('secret')}\n`);
    await until('it is taken', () => agent.status().alarms.every(({ name }) => name !== 'http access'));
    expect(await status('eve')).toBe(200);
    expect(await status('ann')).toBe(401);
  });
});

describe('HTTP beyond loopback', () => {
  const alarmsOf = (agent: { status(): { alarms: { name: string; message: string }[] } }) =>
    agent.status().alarms.map(({ name }) => name);

  test('without users is an alarm, with them none, as with MQTT', async () => {
    const dir = temporaryDir();
    const open = await testAgent({ dataDir: join(dir, 'a'), http: '0.0.0.0:0' });
    expect(alarmsOf(open)).toEqual(['open http']);
    const httpUsers = await usersFile(dir);
    expect(alarmsOf(await testAgent({ dataDir: join(dir, 'b'), http: '0.0.0.0:0', httpUsers }))).toEqual([]);
    expect(alarmsOf(await testAgent({ dataDir: join(dir, 'c') }))).toEqual([]);
  });

  test('with TLS it serves the same, with the certificate of MQTT', async () => {
    const dir = temporaryDir();
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'k.pem'];
    const subject = [
      '-subj',
      '/CN=gw',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-days',
      '30',
      '-out',
      'c.pem',
    ];
    execFileSync('openssl', ['req', '-x509', ...key, ...subject], { cwd: dir, stdio: 'pipe' });
    const settings = { dataDir: join(dir, 'data'), httpTls: '127.0.0.1:0', mqttTlsCert: join(dir, 'c.pem') };
    await expect(testAgent(settings)).rejects.toThrow(
      /--http-tls needs --mqtt-tls-cert FILE and --mqtt-tls-key/,
    );
    const agent = await testAgent({ ...settings, mqttTlsKey: join(dir, 'k.pem') });
    const port = Number(/ https=127\.0\.0\.1:(\d+)/.exec(agent.ready)?.[1]);
    const status = await new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port,
        path: '/healthz',
        ca: [],
        rejectUnauthorized: false,
        agent: false,
      };
      request(options, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });
});
