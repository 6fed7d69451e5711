import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listen } from '@edgelog/runtime';
import { expect, onTestFinished, test } from 'vitest';
import { bearerToken } from './token.ts';

/** A token endpoint; answers what it was asked, too. */
async function endpoint(answer: (count: number) => { status: number; body: string } | 'nothing') {
  const asked: { authorization: string | undefined; body: string }[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      asked.push({ authorization: request.headers.authorization, body });
      const given = answer(asked.length);
      if (given !== 'nothing') response.writeHead(given.status).end(given.body);
    });
  });
  const port = await listen(server, { host: '127.0.0.1', port: 0 }, 'test');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, source: { url: `http://127.0.0.1:${port}/token`, clientId: 'a b', clientSecret: 's:t' } };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

const grant = (token: string, seconds?: number) => ({
  status: 200,
  body: JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: seconds }),
});

test('client credentials are asked for once, and the token is used by all connections while it is good', async () => {
  const { asked, source } = await endpoint((count) => grant(`t${count}`, 3600));
  const scoped = { ...source, scope: 'kafka write' };
  expect(await Promise.all([bearerToken(scoped, 5_000), bearerToken(scoped, 5_000)])).toEqual(['t1', 't1']);
  expect(await bearerToken(scoped, 5_000)).toBe('t1');
  expect(asked).toEqual([
    {
      authorization: `Basic ${Buffer.from('a+b:s%3At').toString('base64')}`,
      body: 'grant_type=client_credentials&scope=kafka+write',
    },
  ]);
});

test('a token of unknown life is asked for each time, as is one after a failure', async () => {
  const { source } = await endpoint((count) =>
    count === 2 ? { status: 503, body: 'later' } : grant(`t${count}`),
  );
  expect(await bearerToken(source, 5_000)).toBe('t1');
  await expect(bearerToken(source, 5_000)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  expect(await bearerToken(source, 5_000)).toBe('t3');
});

test.each([
  [
    { status: 401, body: '{"error":"invalid_client","error_description":"who?"}' },
    'AUTHENTICATION_FAILED',
    'for client a b: it answers 401, invalid_client: who?',
  ],
  [{ status: 200, body: 'hello' }, 'AUTHENTICATION_FAILED', 'it answers 200'],
  [{ status: 200, body: '{"access_token":"a b"}' }, 'AUTHENTICATION_FAILED', 'it answers 200'],
  [{ status: 500, body: '' }, 'CONNECTION_LOST', 'it answers 500'],
  ['nothing' as const, 'TIMEOUT', 'within 200 ms'],
])('an endpoint that answers %j is named', async (answer, code, message) => {
  const { source } = await endpoint(() => answer);
  await expect(bearerToken(source, answer === 'nothing' ? 200 : 30_000)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(new RegExp(`^no token from ${source.url}.*${message}`)),
  });
});

test('an endpoint that is not there is named', async () => {
  const source = { url: 'http://127.0.0.1:1/token', clientId: 'a', clientSecret: 'b' };
  await expect(bearerToken(source, 30_000)).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    message: expect.stringContaining('no token from http://127.0.0.1:1/token: '),
  });
});

test('a token file is read anew each time', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'edgelog-token-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'token');
  await expect(bearerToken({ file }, 1)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  writeFileSync(file, 'one\n');
  expect(await bearerToken({ file }, 1)).toBe('one');
  writeFileSync(file, 'two');
  expect(await bearerToken({ file }, 1)).toBe('two');
  writeFileSync(file, 'not a token');
  await expect(bearerToken({ file }, 1)).rejects.toThrow(`the token file ${file} holds no bearer token`);
});
