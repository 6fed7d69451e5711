import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { formatAddress, listen, parseAddress } from './address.ts';

describe('HOST:PORT', () => {
  test.each([
    ['127.0.0.1:9092', '127.0.0.1', 9092],
    ['hub.example:0', 'hub.example', 0],
    ['[::1]:65535', '::1', 65535],
  ])('%s is read and written back', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
    expect(formatAddress({ host, port })).toBe(text);
  });
  test.each(['9092', 'h:', ':1', 'h:65536', 'h:1x', '::1:80', 'http://h:1', ' h:1', ''])(
    '%j is refused',
    (text) => {
      expect(() => parseAddress(text, '--kafka')).toThrow(
        `--kafka: ${JSON.stringify(text)} is not HOST:PORT`,
      );
    },
  );
});

test('port 0 gives the real port; an address of another machine is a configuration error', async () => {
  const server = createServer();
  expect(await listen(server, { host: '127.0.0.1', port: 0 }, '--kafka')).toBeGreaterThan(0);
  server.close();
  await expect(listen(createServer(), { host: '192.0.2.1', port: 0 }, '--kafka')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: '--kafka 192.0.2.1:0 cannot be bound: no such address on this machine',
  });
});
