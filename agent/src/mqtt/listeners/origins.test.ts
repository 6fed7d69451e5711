import { expect, test } from 'vitest';
import { isOriginAllowed } from './origins.ts';

const LISTED = ['https://desk.example', 'http://192.168.1.5:7422'];

test.each([
  ['a device names no page', undefined, 'gateway:8080', true],
  ['a page that is listed', 'https://desk.example', 'gateway:8080', true],
  ['the same with its default port', 'https://desk.example:443', 'gateway:8080', true],
  ['a page of another scheme', 'http://desk.example', 'gateway:8080', false],
  ['a page of any other site', 'https://evil.example', 'gateway:8080', false],
  ['a page of another port of this machine', 'http://127.0.0.1:3000', '127.0.0.1:8080', false],
  ['a file or a sandboxed frame', 'null', 'gateway:8080', false],
  ['paho names the address it connects to', 'http://192.168.1.10:8080', '192.168.1.10:8080', true],
  ['the same by a name of the plant', 'https://gateway.local:8443', 'gateway.local:8443', true],
  ['the same over IPv6', 'http://[fe80::1]:8080', '[fe80::1]:8080', true],
  ["a site's own name that points here", 'http://evil.example:8080', 'evil.example:8080', false],
])('%s: %s at %s', (_what, origin, host, isAllowed) => {
  expect(isOriginAllowed(origin, host, LISTED)).toBe(isAllowed);
});

test('* stands for all of them, nothing for none', () => {
  expect(isOriginAllowed('https://evil.example', 'gateway:8080', ['*'])).toBe(true);
  expect(isOriginAllowed('https://desk.example', 'gateway:8080', [])).toBe(false);
});
