import { Socket, type SocketConstructorOpts } from 'node:net';

const READ_BYTES = 256 * 1024;

/** What every connection reads into; what is in it must be taken before the callback returns. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES);

interface WithHandle {
  _handle?: object | null;
}

/**
 * Reads an accepted, paused socket into one buffer that all connections share, and gives the socket to use from here on. By
 * default Node makes 64 KiB of fresh memory per read, which V8 answers with a collection of the whole heap for every 64 MiB
 * received: a third of a busy hub's CPU time. `net.Socket` has an option for this (`onread`), `net.Server` has none, so
 * the handle is moved to a new socket; a Node whose sockets are made otherwise gets the ordinary events.
 *
 * Either is left open when the client ends its side: `accepted` comes from a server with `allowHalfOpen`.
 *
 * `onChunk` gets a view that is overwritten by the next read of any connection.
 */
export function readShared(accepted: Socket, onChunk: (chunk: Buffer) => void): Socket {
  const handle = (accepted as WithHandle)._handle;
  if (handle === undefined || handle === null || !('useUserBuffer' in handle)) {
    accepted.on('data', onChunk);
    return accepted.resume();
  }
  (accepted as WithHandle)._handle = null;
  accepted.destroy();
  const onread: SocketConstructorOpts['onread'] = {
    buffer: shared,
    callback(bytes: number) {
      onChunk(shared.subarray(0, bytes));
      return true;
    },
  };
  // `handle` is what net.Server itself passes here; the types do not tell of it.
  return new Socket({ handle, onread, allowHalfOpen: true } as object as SocketConstructorOpts).resume();
}
