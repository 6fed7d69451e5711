import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { isListedHost } from './host-names.ts';
import { refusalOf } from './request-guard.ts';

const LISTED = ['desk.example', '.plant.example'];
const asked = (headers: Record<string, string>, method = 'GET') =>
  refusalOf({ method, headers }, LISTED)?.status;

test.each([
  ['localhost:7422'],
  ['127.0.0.1:7422'],
  ['[::1]:7422'],
  ['192.168.1.10'],
  ['gateway:7422'],
  ['gateway.local'],
  ['raspberrypi.lan.'],
  ['plc-3.line.corp'],
  ['[fe80::1]:7422'],
  ['[fe80::1%eth0]:7422'],
  ['[fe80::1%25eth0]'],
  ['hub-0.hub.svc.cluster.local:7421'],
  [`${hostname()}:7422`],
  ['desk.example:7422'],
  ['DESK.example.'],
  ['line-3.plant.example:7422'],
])('asked as %s, it answers', (host) => {
  expect(asked({ host })).toBeUndefined();
});

test.each([
  ['a web site that points its name here', 'evil.example:7422'],
  ['one that looks like a known name', 'notdesk.example'],
  ['one that looks like an address', '127.0.0.1.evil.example'],
  ['one with a user before it', 'x@evil.example'],
  ['more than a name', 'localhost/x'],
  ['the domain of known names alone', 'plant.example'],
  ['nothing', ''],
  ['one that hides behind brackets', '[evil.example%x]:7422'],
])('DNS rebinding: asked as %s (%s), it says that it is not meant', (_what, host) => {
  expect(asked({ host })).toBe(421);
});

test('whoever is no browser sends none of this', () => {
  expect(asked({})).toBeUndefined();
  expect(asked({}, 'POST')).toBeUndefined();
});

test.each([
  ['of its own page', { origin: 'http://gateway:7422', 'sec-fetch-site': 'same-origin' }, undefined],
  ['typed in', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }, undefined],
  ['of another site', { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' }, 403],
  [
    'of another port of the same machine',
    { origin: 'http://gateway:3000', 'sec-fetch-site': 'same-site' },
    403,
  ],
  ['of a browser that names the origin alone', { origin: 'http://evil.example' }, 403],
  ['of a file or a sandboxed frame', { origin: 'null' }, 403],
  [
    'of an image or script of another site',
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
    403,
  ],
  [
    'of its own page behind a proxy with TLS that asks under another name',
    { origin: 'https://any.example', 'sec-fetch-site': 'same-origin' },
    undefined,
  ],
  ['of a page behind a proxy under a known name', { origin: 'https://desk.example' }, undefined],
])('a request %s', (_what, headers, status) => {
  const all = { host: 'gateway:7422', ...headers } as Record<string, string>;
  expect(asked(all, 'POST')).toBe(status);
  expect(asked(all)).toBe(status);
});

test('a link leads here from anywhere, a form does not', () => {
  const headers = { host: 'gateway:7422', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
  expect(asked(headers)).toBeUndefined();
  expect(asked(headers, 'POST')).toBe(403);
});

test('names are known whole', () => {
  expect(isListedHost('a.desk.example', LISTED)).toBe(false);
  expect(isListedHost('a.b.plant.example', LISTED)).toBe(true);
});
