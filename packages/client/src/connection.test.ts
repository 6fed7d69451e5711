import { createServer, type Server } from 'node:net';
import { listen } from '@edgelog/runtime';
import { apis } from '@edgelog/wire';
import { afterEach, expect, test } from 'vitest';
import { Connection } from './connection.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(onData: (data: Buffer) => Buffer | undefined): Promise<{ host: string; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const answer = onData(data);
      if (answer) socket.write(answer);
    });
  });
  servers.push(server);
  return { host: '127.0.0.1', port: await listen(server, { host: '127.0.0.1', port: 0 }, 'test') };
}

test('nothing listens: the address is named and the likely reason', async () => {
  const address = await serve(() => undefined);
  await new Promise((resolve) => servers.pop()!.close(resolve));
  await expect(Connection.open(address, { clientId: 'test', timeoutMs: 1_000 })).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    message: `no connection to 127.0.0.1:${address.port}: nothing listens there; is the broker running?`,
  });
});
test('silence ends with TIMEOUT', async () => {
  const address = await serve(() => undefined);
  await expect(Connection.open(address, { clientId: 'test', timeoutMs: 100 })).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: `127.0.0.1:${address.port} did not answer ApiVersions in 100 ms`,
  });
});
test('an HTTP server is told apart from a broker', async () => {
  const address = await serve(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await expect(Connection.open(address, { clientId: 'test', timeoutMs: 1_000 })).rejects.toThrow(
    'does not speak the Kafka protocol',
  );
});
test('an old broker answers ApiVersions in version 0, and what it lacks is named', async () => {
  const address = await serve((request) => {
    const correlationId = request.subarray(8, 12);
    const isFirst = request.readInt16BE(6) === 3;
    const versions = [18, 0, 2].flatMap((n) => [n >> 8, n & 255]);
    const body = Buffer.from(isFirst ? [0, 35, 0, 0, 0, 0] : [0, 0, 0, 0, 0, 1, ...versions]);
    const length = Buffer.alloc(4);
    length.writeInt32BE(4 + body.length);
    return Buffer.concat([length, correlationId, body]);
  });
  const connection = await Connection.open(address, { clientId: 'test', timeoutMs: 1_000 });
  await expect(connection.request(apis.listGroups, {})).rejects.toMatchObject({
    code: 'UNSUPPORTED_VERSION',
    message: expect.stringContaining('speaks ListGroups not at all'),
  });
  connection.close();
});
