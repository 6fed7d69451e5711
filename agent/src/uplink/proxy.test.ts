import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { checkProxy, proxyFor } from './proxy.ts';

const ENV = {
  HTTPS_PROXY: 'http://secure:1',
  http_proxy: 'http://plain:2',
  NO_PROXY: 'near.example, .inside.example,far.example:7420',
};

test.each<[string, string | undefined, string | undefined]>([
  ['wss://hub.example', undefined, 'http://secure:1'],
  ['ws://hub.example:7420', undefined, 'http://plain:2'],
  ['wss://near.example', undefined, undefined],
  ['wss://a.inside.example:8443', undefined, undefined],
  ['ws://far.example:7420', undefined, undefined],
  ['ws://far.example:7421', undefined, 'http://plain:2'],
  ['ws://127.0.0.1:7420', undefined, undefined],
  ['ws://127.0.0.1:7420', 'http://given:3', 'http://given:3'],
  ['wss://hub.example', 'none', undefined],
])('%s with setting %s goes through %s', (url, setting, proxy) => {
  expect(proxyFor(url, setting, ENV)).toBe(proxy);
});

test('without proxies in the environment there is none; * excepts everything', () => {
  expect(proxyFor('wss://hub.example', undefined, {})).toBeUndefined();
  expect(proxyFor('wss://hub.example', undefined, { ...ENV, NO_PROXY: '*' })).toBeUndefined();
});

test.each(['socks5://x:1', 'proxy:3128', ''])('proxy %j is refused with what is expected', (text) => {
  expect(() => checkProxy(text)).toThrow(/http:\/\/\[USER:PASSWORD@\]HOST:PORT/);
});

test('an agent without a proxy does not load the HTTP client that Node has of its own', () => {
  const agent = JSON.stringify(new URL('../command.ts', import.meta.url));
  const script = `await import(${agent}); console.log(process.moduleLoadList.join())`;
  const loaded = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(loaded).toContain('http');
  expect(loaded).not.toContain('undici');
});
