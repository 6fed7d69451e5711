import { once } from 'node:events';
import { connect } from 'node:net';
import { EdgelogError } from '@edgelog/base';
import { agentStore, hubStore, listening, until } from '@edgelog/sim';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { encodeFrame } from './frames/codec.ts';
import { startSyncServer } from './server.ts';
import type { SyncServer, SyncServerTuning } from './server-types.ts';
import { startUplink } from './uplink.ts';

describe('strangers on the sync port', () => {
  const cleanups: (() => Promise<unknown>)[] = [];
  const log = listening();
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    log.said.length = 0;
  });

  async function serve(tuning: Partial<SyncServerTuning> = {}): Promise<SyncServer> {
    const server = await startSyncServer({ host: '127.0.0.1', port: 0, hub: hubStore(), log, tuning });
    cleanups.push(() => server.close());
    return server;
  }

  async function exchange(port: number, bytes: string | Buffer): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    socket.write(bytes);
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    socket.on('error', () => {}); // being hung up on may come as a reset
    await new Promise((resolve) => socket.on('close', resolve));
    return answer;
  }

  async function webSocket(port: number): Promise<WebSocket> {
    const ws = new WebSocket(`ws://127.0.0.1:${port}`);
    ws.on('error', () => {});
    await once(ws, 'open');
    return ws;
  }

  const closed = async (ws: WebSocket) => {
    const [code, reason] = await once(ws, 'close');
    return `${code} ${reason}`;
  };

  test('HTTP is told what this port is, and logged once', async () => {
    const server = await serve();
    for (let n = 0; n < 3; n++) {
      const response = await fetch(`http://127.0.0.1:${server.port}/status`);
      expect(response.status).toBe(426);
      expect(response.headers.get('upgrade')).toBe('websocket');
      expect(await response.text()).toMatch(/Edgelog sync protocol over WebSocket/);
    }
    expect(server.status().rejected.http).toBe(3);
    expect(log.said.map(({ event }) => event)).toEqual(['HTTP request on the sync port']);
  });

  test('garbage is answered 400 and closed', async () => {
    const server = await serve();
    expect(await exchange(server.port, Buffer.from([0, 0, 0, 20, 0, 18, 0, 3, 13, 10, 13, 10]))).toMatch(
      /^HTTP\/1.1 400 Bad Request/,
    );
    expect(server.status().rejected.garbage).toBe(1);
  });

  test('who connects and says nothing is hung up on', async () => {
    const server = await serve({ handshakeTimeoutMs: 3_000 });
    const silent = exchange(server.port, '');
    expect(await closed(await webSocket(server.port))).toMatch(
      /^1002 protocol-error: no hello within 3000 ms/,
    );
    expect(await silent).toBe('');
    expect(server.status().rejected.handshakeTimeout).toBe(2);
  });

  test('an oversize frame is closed with 1009 and the limit', async () => {
    const server = await serve({ maxFrameBytes: 4096, creditBytes: 4096 });
    const ws = await webSocket(server.port);
    ws.send(Buffer.alloc(5000));
    expect(await closed(ws)).toBe('1009 a frame above 4096 bytes');
    expect(server.status().rejected.oversize).toBe(1);
  });

  test.each<[string, string | Buffer, RegExp]>([
    ['text', 'hello', /1002 protocol-error: a text message/],
    ['bytes that are no CBOR', Buffer.from([0xff, 1, 2]), /1002 protocol-error: not CBOR/],
    [
      'a frame of a hub',
      encodeFrame({ type: 'credit', bytes: 1 }),
      /1002 protocol-error: credit frame from an agent/,
    ],
    [
      'an open before hello',
      encodeFrame({ type: 'close', handle: 1 }),
      /1002 protocol-error: close frame in state greeting/,
    ],
  ])('%s is closed with a reason', async (_, message, expected) => {
    const server = await serve();
    const ws = await webSocket(server.port);
    ws.send(message);
    expect(await closed(ws)).toMatch(expected);
  });

  test('none of it costs a gateway anything', async () => {
    const server = await serve();
    const store = agentStore();
    const uplink = startUplink({ urls: [`ws://127.0.0.1:${server.port}`], port: store, log });
    cleanups.push(() => uplink.stop());
    for (let n = 0; n < 20; n++) {
      await store.ingest(0, [n]);
      uplink.notify();
      await exchange(server.port, 'GARBAGE\r\n\r\n');
    }
    await until(() => store.stored()[0]!.drained, 'all is acknowledged');
    expect(uplink.status()).toMatchObject({ state: 'live', connections: 1 });
  });

  test('an address in use is named', async () => {
    const { port } = await serve();
    const second = startSyncServer({ host: '127.0.0.1', port, hub: hubStore(), log });
    await expect(second).rejects.toThrow(`sync address 127.0.0.1:${port}: in use by another process`);
    await expect(second).rejects.toBeInstanceOf(EdgelogError);
  });

  test('credit below one frame is refused at the start', async () => {
    await expect(serve({ creditBytes: 10 })).rejects.toThrow(/creditBytes 10: at least maxFrameBytes/);
  });
});
