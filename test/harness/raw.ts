import { connect } from 'node:net';

/** Sends bytes to a port and answers what came back until the other side closed, or until `quietMs` passed in silence. */
export function exchange(
  port: number,
  bytes: Buffer | string,
  quietMs = 60_000,
): Promise<{ reply: Buffer; closed: boolean }> {
  return new Promise((done, fail) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1' });
    const finish = (closed: boolean) => (): void => {
      done({ reply: Buffer.concat(chunks), closed });
      socket.destroy();
    };
    socket.setTimeout(quietMs, finish(false));
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? finish(true)() : fail(error),
    );
    socket.on('close', finish(true));
  });
}
