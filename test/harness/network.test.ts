import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Network } from './network.ts';
import { sleep, until } from './wait.ts';

/** Long enough for bytes on loopback to arrive if they do. */
const SILENCE_MS = 100;

let network: Network;
let server: Server;
let port: number;
const heard: string[] = [];
const accepted = new Set<Socket>();

beforeEach(async () => {
  network = new Network();
  network.attach('client', process.pid);
  heard.length = 0;
  server = createServer((socket) => {
    accepted.add(socket);
    socket.on('error', () => {}).on('close', () => accepted.delete(socket));
    socket.on('data', (bytes) => {
      heard.push(String(bytes));
      socket.write(`to ${bytes}`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = await network.hopTo('server', (server.address() as { port: number }).port);
});

afterEach(async () => {
  network.heal();
  await network.close();
  for (const socket of accepted) socket.destroy();
  server.close();
});

async function client(): Promise<{ socket: Socket; answers: string[] }> {
  const socket = connect({ port, host: '127.0.0.1' });
  const answers: string[] = [];
  socket.on('error', () => {}).on('data', (bytes) => answers.push(String(bytes)));
  await once(socket, 'connect');
  return { socket, answers };
}

test('what is sent during a cut comes through when it is healed, and nothing before', async () => {
  const { socket, answers } = await client();
  socket.write('a');
  await until('the first is answered', () => answers.length === 1);
  network.cut('client', 'server');
  socket.write('b');
  await sleep(SILENCE_MS);
  expect(heard).toEqual(['a']);
  network.heal();
  await until('the second is answered', () => answers.length === 2);
  expect(answers).toEqual(['to a', 'to b']);
});

test('with the way back cut the request is heard and the answer is not', async () => {
  const { socket, answers } = await client();
  socket.write('a');
  await until('the first is answered', () => answers.length === 1);
  network.cut('server', 'client');
  socket.write('b');
  await until('the second is heard', () => heard.length === 2);
  await sleep(SILENCE_MS);
  expect(answers).toEqual(['to a']);
  network.heal();
  await until('its answer comes', () => answers.length === 2);
});

test('who else is connected does not notice a cut', async () => {
  network.cutBothWays('somebody', 'server');
  const { socket, answers } = await client();
  socket.write('a');
  await until('it is answered', () => answers.length === 1);
});

test('a connection begun during a cut is made when it is healed, either way', async () => {
  network.cut('server', 'client');
  const { socket, answers } = await client();
  socket.write('a');
  await sleep(SILENCE_MS);
  expect(heard).toEqual([]);
  network.heal();
  await until('it is answered', () => answers.length === 1);
});

test('the closing of one side is not heard of during a cut: the other has a connection to nobody', async () => {
  const { socket, answers } = await client();
  socket.write('a');
  await until('it is answered', () => answers.length === 1);
  network.cutBothWays('client', 'server');
  socket.destroy();
  await sleep(SILENCE_MS);
  expect(accepted.size).toBe(1);
  network.heal();
  await until('the server hears of it', () => accepted.size === 0);
});

test('a delayed link gives everything in order, and late', async () => {
  network.delay('client', 'server', 60);
  const { socket, answers } = await client();
  const sentAt = performance.now();
  socket.write('a');
  await sleep(5);
  socket.write('b');
  await until('both are answered', () => answers.join('').includes('b'));
  expect(performance.now() - sentAt).toBeGreaterThan(60);
  expect(heard.join('')).toBe('ab');
});

test('connections to a node whose process ended are refused, until something listens there again', async () => {
  const { socket } = await client();
  await network.refuse('server');
  await until('it is closed', () => socket.closed);
  const refused = connect({ port, host: '127.0.0.1' });
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
  network.accept('server');
  const { answers, socket: again } = await until('it can be connected to', () =>
    client().catch(() => undefined),
  );
  again.write('a');
  await until('it is answered', () => answers.length === 1);
});
