import { createServer } from 'node:net';
import { listen } from '@edgelog/runtime';
import { apis } from '@edgelog/wire';
import { expect, onTestFinished, test } from 'vitest';
import { Connection } from './connection.ts';
import { type Answer, type Asked, ScriptedBroker } from './testing/scripted-broker.ts';

const options = { clientId: 'test', timeoutMs: 30_000 };

/** What listens and answers each piece of data with these bytes. */
async function serve(onData: (data: Buffer) => Buffer | undefined): Promise<{ host: string; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const answer = onData(data);
      if (answer) socket.write(answer);
    });
  });
  onTestFinished(() => void server.close());
  return { host: '127.0.0.1', port: await listen(server, { host: '127.0.0.1', port: 0 }, 'test') };
}

async function connected(script: (asked: Asked) => Answer | Promise<Answer>, given = options) {
  const broker = await ScriptedBroker.start(script);
  const connection = await Connection.open(broker.address, given);
  onTestFinished(() => {
    connection.close();
    broker.stop();
  });
  return { broker, connection };
}

const groups = (name: string) => ({ errorCode: 0, groups: [{ groupId: name, protocolType: '' }] });
const whole = (correlationId: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + body.length, 0);
  head.writeInt32BE(correlationId, 4);
  return Buffer.concat([head, body]);
};

test('nothing listens: the address is named and the likely reason', async () => {
  const broker = await ScriptedBroker.start(() => 'nothing');
  broker.stop();
  await expect(Connection.open(broker.address, options)).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    message: `no connection to ${broker.server}: nothing listens there; is the broker running?`,
  });
});
test('silence ends with TIMEOUT', async () => {
  const address = await serve(() => undefined);
  await expect(Connection.open(address, { clientId: 'test', timeoutMs: 2_000 })).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: `127.0.0.1:${address.port} did not answer ApiVersions in 2000 ms`,
  });
});
test('an HTTP server is told apart from a broker', async () => {
  const address = await serve(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await expect(Connection.open(address, options)).rejects.toThrow('does not speak the Kafka protocol');
});
test('a listener with TLS is told apart from a broker without', async () => {
  const address = await serve(() => Buffer.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x50));
  await expect(Connection.open(address, options)).rejects.toThrow('speaks TLS: use kafka+tls://');
});

test('a broker without TLS that hangs up on it is told apart from one that is about to stop', async () => {
  const broker = await ScriptedBroker.start(() => 'nothing');
  onTestFinished(() => broker.stop());
  const encrypted = { ...options, security: { tls: {} } };
  await expect(Connection.open(broker.address, encrypted)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: `the broker at ${broker.server} speaks no TLS: use kafka:// in place of kafka+tls://`,
  });
  const stopping = createServer((socket) => void socket.destroy());
  onTestFinished(() => void stopping.close());
  const port = await listen(stopping, { host: '127.0.0.1', port: 0 }, 'test');
  for (const given of [options, encrypted])
    await expect(Connection.open({ host: '127.0.0.1', port }, given)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
    });
});

test('an old broker answers ApiVersions in version 0, and what it lacks is named', async () => {
  const address = await serve((request) => {
    const versions = [18, 0, 2].flatMap((n) => [n >> 8, n & 255]);
    const isFirst = request.readInt16BE(6) === 3;
    return whole(
      request.readInt32BE(8),
      Buffer.from(isFirst ? [0, 35, 0, 0, 0, 0] : [0, 0, 0, 0, 0, 1, ...versions]),
    );
  });
  const connection = await Connection.open(address, options);
  await expect(connection.request(apis.listGroups, {})).rejects.toMatchObject({
    code: 'UNSUPPORTED_VERSION',
    message: expect.stringContaining('speaks ListGroups not at all'),
  });
  connection.close();
});

test('requests are pipelined, and each gets its own answer', async () => {
  const first = Promise.withResolvers<Answer>();
  let count = 0;
  const { broker, connection } = await connected(() => (count++ === 0 ? first.promise : groups(`g${count}`)));
  const answers = Array.from({ length: 5 }, () => connection.request(apis.listGroups, {}));
  await expect.poll(() => broker.asked.length, { timeout: 30_000 }).toBe(5);
  first.resolve(groups('g1'));
  const names = (await Promise.all(answers)).map((answer) => answer.groups[0]!.groupId);
  expect(names).toEqual(['g1', 'g2', 'g3', 'g4', 'g5']);
});

test.each<[string, (asked: Asked) => Answer, string, string]>([
  ['ends the connection', () => 'close', 'CONNECTION_LOST', 'closed the connection'],
  [
    'answers another request',
    ({ correlationId }) => whole(correlationId + 7, Buffer.alloc(20)),
    'CORRUPT_FRAME',
    'does not speak the Kafka protocol',
  ],
  [
    'says that 2 GiB follow',
    () => Buffer.of(0x7f, 0xff, 0xff, 0xff),
    'CORRUPT_FRAME',
    'does not speak the Kafka protocol',
  ],
  ['says that nothing follows', () => Buffer.alloc(8), 'CORRUPT_FRAME', 'does not speak the Kafka protocol'],
])('a broker that %s: all who wait are told, and nothing more is asked', async (_, answer, code, message) => {
  const { connection } = await connected(answer);
  const asked = [connection.request(apis.listGroups, {}), connection.request(apis.listGroups, {})];
  for (const { status, ...rest } of await Promise.allSettled(asked)) {
    expect(status).toBe('rejected');
    expect('reason' in rest && rest.reason).toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  }
  expect(connection.isOpen).toBe(false);
  await expect(connection.request(apis.listGroups, {})).rejects.toMatchObject({ code });
});

test('an answer that cannot be read is the fault of its request alone', async () => {
  let count = 0;
  const { connection } = await connected(({ correlationId }) =>
    count++ === 0 ? whole(correlationId, Buffer.of(0, 1, 2, 3)) : groups('g'),
  );
  await expect(connection.request(apis.listGroups, {})).rejects.toMatchObject({ code: 'CORRUPT_FRAME' });
  expect((await connection.request(apis.listGroups, {})).groups).toHaveLength(1);
});

test('an answer to nothing ends the connection', async () => {
  const { connection } = await connected(({ correlationId }) => {
    const answer = whole(correlationId, Buffer.alloc(10));
    return Buffer.concat([answer, answer]);
  });
  await connection.request(apis.listGroups, {}).catch(() => {});
  await expect.poll(() => connection.isOpen, { timeout: 30_000 }).toBe(false);
});

test('a request that is late ends the connection: who waits behind it is told why', async () => {
  const { connection } = await connected(() => 'nothing');
  const late = connection.request(apis.listGroups, {}, { timeoutMs: 100 });
  const behind = connection.request(apis.listGroups, {});
  await expect(late).rejects.toMatchObject({ code: 'TIMEOUT' });
  await expect(behind).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    message: expect.stringContaining('did not answer ListGroups in 100 ms'),
  });
});
