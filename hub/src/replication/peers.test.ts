import { createServer, type Server, type Socket } from 'node:net';
import { listen } from '@edgelog/runtime';
import { until } from '@edgelog/sim';
import { apis } from '@edgelog/wire';
import { afterEach, expect, test } from 'vitest';
import { Peers } from './peers.ts';

const API_VERSIONS = 18;
const LIST_GROUPS = 16;
const open: { peers: Peers; server: Server; sockets: Socket[] }[] = [];
afterEach(() => {
  for (const { peers, server, sockets } of open.splice(0)) {
    peers.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

/** A broker that knows ListGroups and answers it with an empty list. */
async function broker() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      for (let at = 0; at < data.length; at += 4 + data.readInt32BE(at)) {
        const key = data.readInt16BE(at + 4);
        const versions = [0, 0, 0, 0, 0, 1, 0, LIST_GROUPS, 0, 0, 0, 0];
        const body = Buffer.from(key === API_VERSIONS ? versions : [0, 0, 0, 0, 0, 0]);
        const head = Buffer.alloc(4);
        head.writeInt32BE(4 + body.length);
        socket.write(Buffer.concat([head, data.subarray(at + 8, at + 12), body]));
      }
    });
  });
  const address = { host: '127.0.0.1', port: 0 };
  const port = await listen(server, address, 'test');
  const known: { address: string | undefined } = { address: `127.0.0.1:${port}` };
  const peers = new Peers(() => known.address, 'test');
  open.push({ peers, server, sockets });
  return { peers, known, sockets };
}

test('all callers share one connection, made again when it broke', async () => {
  const { peers, sockets } = await broker();
  await Promise.all([1, 2, 3].map(() => peers.call(7, apis.listGroups, {})));
  expect(sockets).toHaveLength(1);
  sockets[0]!.destroy();
  await until(
    () =>
      peers.call(7, apis.listGroups, {}).then(
        () => true,
        () => false,
      ),
    'it answers again',
  );
  expect(sockets).toHaveLength(2);
});

test('requests to a broker that is gone fail, and those under way fail at once', async () => {
  const { peers, known } = await broker();
  const link = peers.open(7);
  await link.request(apis.listGroups, {});
  const silent = link.request(apis.listGroups, {}, { timeoutMs: 60_000 });
  known.address = undefined;
  peers.brokersChanged();
  await expect(silent).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  await expect(link.request(apis.listGroups, {})).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
});

test('where nothing listens, attempts have pauses, and requests between fail without one', async () => {
  const { peers, known } = await broker();
  known.address = '127.0.0.1:1';
  const link = peers.open(7);
  await expect(link.request(apis.listGroups, {})).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  // The first pauses are so short that a busy machine may miss one.
  const isPausing = async (): Promise<boolean> => {
    const failure = await link.request(apis.listGroups, {}).then(() => 'answered', String);
    return failure.includes('the last attempt failed') && link.retryInMs > 0;
  };
  await until(isPausing, 'a request fails without an attempt');
});
