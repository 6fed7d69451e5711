import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

const PROTOCOL_ERROR = 1002;
const NOT_BINARY = 1003;
const NORMAL = 1000;
/** For the close handshake; then the socket is cut. */
const CLOSE_GRACE_MS = 2000;
const READ_AHEAD_BYTES = 64 * 1024;

type Done = (error?: Error | null) => void;

/**
 * The bytes in the binary frames of a WebSocket, as one stream: packets may be cut anywhere by frames
 * [MQTT-6.0.0-2]. Who does not read makes the socket wait, and what is written together leaves as one frame.
 */
export class WebSocketStream extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly #socket: WebSocket;
  #isEnded = false;

  constructor(
    socket: WebSocket,
    remote: { remoteAddress?: string | undefined; remotePort?: number | undefined },
  ) {
    super({ readableHighWaterMark: READ_AHEAD_BYTES, allowHalfOpen: false });
    this.#socket = socket;
    this.remoteAddress = remote.remoteAddress;
    this.remotePort = remote.remotePort;
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data, isBinary) => {
      if (this.destroyed) return;
      // [MQTT-6.0.0-1]
      if (!isBinary) this.#refuse(NOT_BINARY, 'a text frame; MQTT is binary [MQTT-6.0.0-1]');
      else if (!this.push(data as Buffer)) socket.pause();
    });
    socket.on('error', (error) => this.destroy(new Error(`WebSocket: ${error.message}`)));
    socket.on('close', () => {
      if (this.#isEnded || this.destroyed) return;
      this.#isEnded = true;
      this.push(null);
    });
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: Done): void {
    this.#close(NORMAL);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#close(error === null ? NORMAL : PROTOCOL_ERROR);
    done(error);
  }

  #send(bytes: Buffer, done: Done): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(bytes, done);
    else done(new Error('the WebSocket is closed'));
  }

  #refuse(code: number, reason: string): void {
    this.#close(code);
    this.destroy(new Error(`WebSocket: ${reason}`));
  }

  /** What was sent before leaves first; a socket that waits would not hear the answer. */
  #close(code: number): void {
    const socket = this.#socket;
    if (socket.readyState === socket.CLOSED || socket.readyState === socket.CLOSING) return;
    socket.close(code);
    socket.resume();
    const timer = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
    socket.once('close', () => clearTimeout(timer));
  }
}
