import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { RunningAgent } from '../../agent.ts';
import { temporaryDir, testAgent, until } from '../../testing/fixture.ts';
import { hashPassword } from '../access/password-hash.ts';

/** A root, two certificates for this machine and one for a device, made once: keys take time. */
const files = { dir: '' };
const at = (name: string) => join(files.dir, name);

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: files.dir, stdio: 'pipe' });
}

function certificate(name: string, subject: string): void {
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
    '-subj',
    `/CN=${subject}`,
  );
  writeFileSync(at('ext'), 'subjectAltName=IP:127.0.0.1\n');
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '30',
    '-extfile',
    'ext',
    '-out',
    `${name}.crt`,
  );
}

beforeAll(() => {
  files.dir = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-days',
    '30',
    '-subj',
    '/CN=Test root',
  );
  certificate('first', 'first');
  certificate('second', 'second');
  certificate('device', 'meter-7');
  return () => execFileSync('rm', ['-r', files.dir]);
});

const portOf = (agent: RunningAgent, name: string) =>
  agent.status().mqtt.listeners.find((one) => one.name === name)!.port;

async function connected(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = mqtt.connect(url, {
    reconnectPeriod: 0,
    ca: execFileSync('cat', [at('ca.crt')]),
    ...options,
  });
  onTestFinished(() => void client.end(true));
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.on('error', reject);
    client.once('close', () => reject(new Error('closed')));
  });
  return client;
}

const tlsFiles = () => ({ mqttTlsCert: at('first.crt'), mqttTlsKey: at('first.key') });

describe('each listener', () => {
  test.each([
    ['mqtts', 4],
    ['ws', 4],
    ['wss', 4],
    ['ws', 5],
  ] as const)(
    '%s takes messages at QoS 0, 1 and 2 and hands out subscriptions, MQTT %i',
    async (name, version) => {
      const agent = await testAgent({
        dataDir: temporaryDir(),
        mqttTls: '127.0.0.1:0',
        mqttWs: '127.0.0.1:0',
        mqttWss: '127.0.0.1:0',
        ...tlsFiles(),
      });
      const client = await connected(`${name}://127.0.0.1:${portOf(agent, name)}`, {
        protocolVersion: version,
      });
      const received: string[] = [];
      client.on('message', (_topic, payload) => received.push(payload.toString()));
      await client.subscribeAsync('hall/#', { qos: 1 });
      for (const qos of [0, 1, 2] as const) await client.publishAsync('hall/temp', `${qos}`, { qos });
      const large = 'x'.repeat(300_000);
      await client.publishAsync('hall/large', large, { qos: 1 });
      await until('all are there', () => received.length === 4);
      expect(received.toSorted()).toEqual(['0', '1', '2', large]);
      expect(agent.status().streams[0]!.endOffset).toBe(4);
    },
  );
});

describe('certificates', () => {
  const shown = async (port: number) => {
    const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  const nameOf = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN;

  test('a renewed certificate is used without a restart, and connections that stand stay', async () => {
    for (const end of ['crt', 'key']) copyFileSync(at(`first.${end}`), at(`live.${end}`));
    const agent = await testAgent({
      dataDir: temporaryDir(),
      mqttTls: '127.0.0.1:0',
      mqttTlsCert: at('live.crt'),
      mqttTlsKey: at('live.key'),
    });
    const port = portOf(agent, 'mqtts');
    const client = await connected(`mqtts://127.0.0.1:${port}`);
    expect(nameOf(await shown(port))).toBe('first');

    writeFileSync(at('live.crt'), 'nonsense');
    await until('the alarm is raised', () =>
      agent.status().alarms.some(({ name }) => name === 'mqtt certificate'),
    );
    expect(agent.status().alarms[0]!.message).toMatch(/live\.crt holds no certificate/);
    expect(nameOf(await shown(port))).toBe('first');

    for (const end of ['crt', 'key']) copyFileSync(at(`second.${end}`), at(`live.${end}`));
    await until('the alarm is cleared', () =>
      agent.status().alarms.every(({ name }) => name !== 'mqtt certificate'),
    );
    expect(nameOf(await shown(port))).toBe('second');
    await client.publishAsync('still/here', 'yes', { qos: 1 });
    expect(client.connected).toBe(true);
  });

  test("a renewed certificate ends the alarm of HTTP's listener and not that of MQTT's, whose client CA is broken", async () => {
    for (const end of ['crt', 'key']) copyFileSync(at(`first.${end}`), at(`both.${end}`));
    copyFileSync(at('ca.crt'), at('both-ca.crt'));
    const agent = await testAgent({
      dataDir: temporaryDir(),
      mqttTls: '127.0.0.1:0',
      httpTls: '127.0.0.1:0',
      mqttTlsCert: at('both.crt'),
      mqttTlsKey: at('both.key'),
      mqttTlsClientCa: at('both-ca.crt'),
    });
    const alarms = () => agent.status().alarms.map(({ name }) => name);
    writeFileSync(at('both-ca.crt'), 'nonsense');
    await until('the alarm is raised', () => alarms().includes('mqtt certificate'));
    const port = Number(/ https=127\.0\.0\.1:(\d+)/.exec(agent.ready)?.[1]);
    writeFileSync(at('both.crt'), 'nonsense');
    await until('the other is raised', () => alarms().includes('http certificate'));
    for (const end of ['crt', 'key']) copyFileSync(at(`second.${end}`), at(`both.${end}`));
    await until('it ends', () => !alarms().includes('http certificate'));
    expect(nameOf(await shown(port))).toBe('second');
    expect(alarms()).toEqual(['mqtt certificate']);
  });

  test('a handshake that failed is logged with who it was and why', async () => {
    const lines: unknown[] = [];
    const keep = (event: string, fields: unknown) => {
      if (event === 'connection refused') lines.push(fields);
    };
    const log = { debug: () => {}, info: () => {}, warn: keep, error: keep };
    const agent = await testAgent(
      { dataDir: temporaryDir(), mqttTls: '127.0.0.1:0', ...tlsFiles() },
      { log },
    );
    const socket = connect(portOf(agent, 'mqtts'), '127.0.0.1', () => socket.write('no TLS at all'));
    socket.on('error', () => {});
    await until('it is logged', () => lines.length > 0);
    expect(lines[0]).toEqual({
      remote: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      reason: expect.stringMatching(/^TLS: [\w ]+$/),
    });
  });

  test('with a client CA, who has no certificate of it is turned away', async () => {
    const agent = await testAgent({
      dataDir: temporaryDir(),
      mqttTls: '127.0.0.1:0',
      ...tlsFiles(),
      mqttTlsClientCa: at('ca.crt'),
    });
    const url = `mqtts://127.0.0.1:${portOf(agent, 'mqtts')}`;
    await expect(connected(url)).rejects.toThrow();
    const read = (name: string) => execFileSync('cat', [at(name)]);
    const device = await connected(url, { cert: read('device.crt'), key: read('device.key') });
    await device.publishAsync('t', 'x', { qos: 1 });
  });

  test('a client id of a certificate is not for those who have none, on a listener that asks for none', async () => {
    const agent = await testAgent({
      dataDir: temporaryDir(),
      mqttTls: '127.0.0.1:0',
      ...tlsFiles(),
      mqttTlsClientCa: at('ca.crt'),
    });
    const read = (name: string) => execFileSync('cat', [at(name)]);
    const session = { clientId: 'shared', clean: false, protocolVersion: 4 as const };
    const device = await connected(`mqtts://127.0.0.1:${portOf(agent, 'mqtts')}`, {
      ...session,
      cert: read('device.crt'),
      key: read('device.key'),
    });
    const plain = `mqtt://127.0.0.1:${agent.mqttPort}`;
    await expect(connected(plain, session)).rejects.toMatchObject({ code: 2 });
    await device.endAsync();
    await expect(connected(plain, session)).rejects.toMatchObject({ code: 2 });
    await connected(plain, { ...session, clientId: 'of its own' });
  });

  test('where there are certificates too, the client id of a user who is taken out of the users file is free; that of a certificate stays its own', async () => {
    const mqttUsers = join(temporaryDir(), 'users');
    const lines = await Promise.all(
      ['old', 'new'].map(async (user) => `${user}:${await hashPassword('x')}\n`),
    );
    writeFileSync(mqttUsers, lines.join(''));
    const agent = await testAgent({
      dataDir: temporaryDir(),
      mqttTls: '127.0.0.1:0',
      ...tlsFiles(),
      mqttTlsClientCa: at('ca.crt'),
      mqttUsers,
    });
    const plain = `mqtt://127.0.0.1:${agent.mqttPort}`;
    const session = { clientId: 'shared', clean: false, protocolVersion: 4 as const };
    const certified = { ...session, clientId: 'certified' };
    const read = (name: string) => execFileSync('cat', [at(name)]);
    const key = { cert: read('device.crt'), key: read('device.key') };
    const by = (username: string) => ({ username, password: 'x' });
    const device = await connected(`mqtts://127.0.0.1:${portOf(agent, 'mqtts')}`, { ...certified, ...key });
    await device.endAsync();
    const old = await connected(plain, { ...session, ...by('old') });
    await old.subscribeAsync('old/#', { qos: 1 });
    await expect(connected(plain, { ...session, ...by('new') })).rejects.toMatchObject({ code: 2 });
    const gone = new Promise<void>((resolve) => old.once('close', () => resolve()));
    writeFileSync(mqttUsers, lines[1]!);
    await gone;
    const next = await connected(plain, { ...session, ...by('new') });
    await next.endAsync();
    await expect(connected(plain, { ...certified, ...by('new') })).rejects.toMatchObject({ code: 2 });
  });

  test.each([
    [
      'a file that is not there',
      { mqttTlsCert: 'none.crt', mqttTlsKey: 'first.key' },
      /--mqtt-tls-cert .*none\.crt cannot be read/,
    ],
    [
      'a key of another certificate',
      { mqttTlsCert: 'first.crt', mqttTlsKey: 'second.key' },
      /second\.key is not the key of the certificate in .*first\.crt/,
    ],
    [
      'files in each other’s place',
      { mqttTlsCert: 'first.key', mqttTlsKey: 'first.crt' },
      /first\.key holds no certificate/,
    ],
    ['no key', { mqttTlsCert: 'first.crt' }, /--mqtt-tls needs --mqtt-tls-cert FILE and --mqtt-tls-key FILE/],
  ])('%s: the agent does not start, and says which file is wrong', async (_, given, expected) => {
    const paths = Object.fromEntries(Object.entries(given).map(([key, name]) => [key, at(name)]));
    await expect(testAgent({ dataDir: temporaryDir(), mqttTls: '127.0.0.1:0', ...paths })).rejects.toThrow(
      expected,
    );
  });
});

describe('a WebSocket', () => {
  const open = async (given: { maxMessageBytes?: number } = {}, protocols = ['mqtt']) => {
    const agent = await testAgent({ dataDir: temporaryDir(), mqttWs: '127.0.0.1:0', ...given });
    const socket = new WebSocket(`ws://127.0.0.1:${portOf(agent, 'ws')}/mqtt`, protocols);
    onTestFinished(() => socket.terminate());
    return { agent, socket };
  };

  test('opened by a page of another site is refused, of a listed one is taken', async () => {
    const agent = await testAgent({
      dataDir: temporaryDir(),
      mqttWs: '127.0.0.1:0',
      mqttWsOrigins: ['https://desk.example'],
    });
    const from = (origin: string) => {
      const socket = new WebSocket(`ws://127.0.0.1:${portOf(agent, 'ws')}/mqtt`, ['mqtt'], { origin });
      onTestFinished(() => socket.terminate());
      return once(socket, 'open');
    };
    await expect(from('https://evil.example')).rejects.toThrow(/403/);
    await from('https://desk.example');
  });

  test('that does not offer the subprotocol mqtt is refused', async () => {
    const { socket } = await open({}, ['chat']);
    await expect(once(socket, 'open')).rejects.toThrow(/400/);
  });

  test('with a text frame is closed', async () => {
    const { socket } = await open();
    await once(socket, 'open');
    socket.send('hello');
    const [code] = await once(socket, 'close');
    expect(code).toBe(1003);
  });

  test('with a message over the limit is closed when it announces itself', async () => {
    const { socket } = await open({ maxMessageBytes: 1024 });
    await once(socket, 'open');
    socket.send(Buffer.alloc(1_000_000));
    const [code] = await once(socket, 'close');
    expect(code).toBe(1009);
  });

  test('takes packets cut anywhere by frames', async () => {
    const { agent, socket } = await open();
    await once(socket, 'open');
    const packets = Buffer.concat([
      Buffer.from([0x10, 13, 0, 4]),
      Buffer.from('MQTT'),
      Buffer.from([4, 2, 0, 60, 0, 1]),
      Buffer.from('a'),
      Buffer.from([0x32, 6, 0, 1]),
      Buffer.from('t'),
      Buffer.from([0, 1]),
      Buffer.from('x'),
    ]);
    for (const byte of packets) socket.send(Buffer.from([byte]));
    await until('it is stored', () => agent.status().streams[0]?.endOffset === 1);
  });

  test('that floods at QoS 0 waits in its socket: memory stays within bounds, and nothing is lost', async () => {
    const agent = await testAgent({ dataDir: temporaryDir(), mqttWs: '127.0.0.1:0' });
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, agent.status().pendingBytes);
    }, 1);
    onTestFinished(() => clearInterval(watch));
    const url = `ws://127.0.0.1:${portOf(agent, 'ws')}`;
    const clients = await Promise.all(Array.from({ length: 10 }, () => connected(url)));
    for (const client of clients) {
      for (let i = 0; i < 50; i++) client.publish('flood', Buffer.alloc(50_000, 'x'), { qos: 0 });
    }
    await until('all is stored', () => agent.status().streams[0]?.endOffset === 500);
    expect(most).toBeLessThan(12 * 1024 * 1024);
  });

  test('whoever asks the port over HTTP is told what it is for', async () => {
    const { agent } = await open();
    const response = await fetch(`http://127.0.0.1:${portOf(agent, 'ws')}/`);
    expect(response.status).toBe(426);
    expect(await response.text()).toMatch(/MQTT over WebSocket/);
  });
});

test('a listener that is open to the network without users raises an alarm, one on loopback does not', async () => {
  const agent = await testAgent({ dataDir: temporaryDir(), mqttWs: '0.0.0.0:0' });
  expect(agent.status().alarms.map(({ name }) => name)).toEqual(['open ws']);
});
