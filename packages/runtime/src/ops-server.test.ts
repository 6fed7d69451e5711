import { request } from 'node:http';
import { connect } from 'node:net';
import { EdgelogError } from '@edgelog/base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLogger } from './logger.ts';
import { type OpsServer, startOpsServer } from './ops-server.ts';

let ok = true;
let server: OpsServer;
let base: string;
beforeAll(async () => {
  server = await startOpsServer({
    address: '127.0.0.1:0',
    health: () => ({ ok, reasons: ok ? [] : ['the disk is full'] }),
    status: (parameters) => ({ streams: [], ...Object.fromEntries(parameters) }),
    metrics: () => 'up 1\n',
    log: silentLogger,
    routes: {
      'POST /uplink': ({ body }) => ({ body: { got: body } }),
      'GET /refused': () => {
        throw new EdgelogError('CONFIG_INVALID', 'paused must be true or false');
      },
      'GET /page': () => ({
        body: 'page',
        contentType: 'text/html',
        headers: { etag: '"1"', 'cache-control': 'no-cache' },
      }),
      'GET /bug': () => {
        throw new Error('secret');
      },
    },
  });
  base = `http://127.0.0.1:${server.port}`;
});
afterAll(() => server.close());

const get = async (path: string, init?: RequestInit) => {
  const response = await fetch(base + path, init);
  return { status: response.status, text: await response.text() };
};
const post = (body: string, type = 'application/json') =>
  get('/uplink', { method: 'POST', body, headers: { 'content-type': type } });

test('/healthz is 200 or 503 with reasons', async () => {
  expect(await get('/healthz')).toEqual({ status: 200, text: '{"ok":true,"reasons":[]}\n' });
  ok = false;
  expect(await get('/healthz')).toEqual({
    status: 503,
    text: '{"ok":false,"reasons":["the disk is full"]}\n',
  });
  ok = true;
});
test('/status is JSON, /metrics is Prometheus text, HEAD works', async () => {
  expect(await get('/status')).toEqual({ status: 200, text: '{"streams":[]}\n' });
  const response = await fetch(`${base}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4');
  expect(await response.text()).toBe('up 1\n');
  expect(await get('/status', { method: 'HEAD' })).toEqual({ status: 200, text: '' });
});
test('/status gets the parameters of the request', async () => {
  expect((await get('/status?part=a')).text).toBe('{"streams":[],"part":"a"}\n');
});
test('what has a tag is not sent again to whoever has it', async () => {
  const first = await fetch(`${base}/page`);
  expect(first.headers.get('cache-control')).toBe('no-cache');
  expect(await first.text()).toBe('page');
  const known = { headers: { 'if-none-match': first.headers.get('etag')!, 'cache-control': 'no-cache' } };
  expect(await get('/page', known)).toEqual({ status: 304, text: '' });
  const other = { headers: { 'if-none-match': '"0"', 'cache-control': 'no-cache' } };
  expect(await get('/page', other)).toEqual({ status: 200, text: 'page' });
});
test('unknown paths and methods get a JSON error that names what there is', async () => {
  expect(await get('/nowhere')).toMatchObject({ status: 404, text: expect.stringContaining('/healthz') });
  expect(await get('/status', { method: 'DELETE' })).toEqual({
    status: 405,
    text: '{"error":"/status takes GET, not DELETE"}\n',
  });
});
test('a body is JSON, declared as such, and of bounded size', async () => {
  expect(await post('{"paused":true}')).toEqual({ status: 200, text: '{"got":{"paused":true}}\n' });
  expect(await post('{"paused":true}', 'text/plain')).toMatchObject({ status: 400 });
  expect(await post('{')).toMatchObject({ status: 400, text: expect.stringContaining('not JSON') });
  expect(await post('x'.repeat(100_000))).toMatchObject({
    status: 400,
    text: expect.stringContaining('larger than'),
  });
});
test("a caller's mistake is 400 with the reason, a bug is 500 without details", async () => {
  expect(await get('/refused')).toEqual({ status: 400, text: '{"error":"paused must be true or false"}\n' });
  expect(await get('/bug')).toEqual({ status: 500, text: '{"error":"internal error; see the log"}\n' });
});
test('garbage is answered with 400 and the server lives', async () => {
  const answer = await new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = connect(server.port, '127.0.0.1', () =>
      socket.write(Buffer.from([0, 0, 0, 20, 0, 18, 0, 4, 255])),
    );
    socket.on('data', (data) => {
      text += data.toString();
    });
    socket.on('close', () => resolve(text)).on('error', reject);
  });
  expect(answer).toMatch(/^HTTP\/1.1 400 .*this is not an HTTP request/s);
  expect((await get('/healthz')).status).toBe(200);
});
test('an address in use is named with its setting', async () => {
  const again = startOpsServer({
    address: `127.0.0.1:${server.port}`,
    health: () => ({ ok: true, reasons: [] }),
    status: () => ({}),
    metrics: () => '',
    log: silentLogger,
  });
  await expect(again).rejects.toMatchObject({
    code: 'ADDRESS_IN_USE',
    message: expect.stringContaining(`--http 127.0.0.1:${server.port} is already in use`),
  });
});

/** Fetch does not let one choose the host. */
function rawGet(path: string, headers: Record<string, string>): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { port: server.port, host: '127.0.0.1', path, headers, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode!, text }));
      },
    );
    asked.on('error', reject).end();
  });
}

test('a web site that points its name here reads nothing but whether all is well (DNS rebinding)', async () => {
  const host = 'evil.example';
  expect(await rawGet('/status', { host })).toMatchObject({
    status: 421,
    text: expect.stringMatching(/evil\.example.*httpHosts/),
  });
  ok = false;
  expect(await rawGet('/healthz', { host })).toEqual({ status: 503, text: '{"ok":false}\n' });
  ok = true;
  expect((await rawGet('/status', { host: `localhost:${server.port}` })).status).toBe(200);
});
test("another site's page posts nothing here, whatever it says of the body", async () => {
  const headers = { 'content-type': 'application/json', origin: 'http://evil.example' };
  const posted = await get('/uplink', { method: 'POST', body: '{"paused":true}', headers });
  expect(posted).toEqual({
    status: 403,
    text: expect.stringContaining('pages of another site (http://evil.example) may not ask here'),
  });
});
