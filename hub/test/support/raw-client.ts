import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  type Api,
  decodeResponse,
  encodeRequest,
  type RequestInput,
  type ResponseOutput,
} from '@edgelog/wire';

/** The broker closed the connection where an answer was due. */
export class ConnectionClosed extends Error {}

/** A Kafka client that does what it is told: sends any bytes, and reads responses in the order they come. */
export class RawClient {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #received = Buffer.alloc(0);
  #wake: () => void = () => {};
  #closed = false;
  #nextCorrelationId = 1;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  write(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  /** Sends without waiting; returns the correlation id. */
  send<A extends Api>(api: A, version: number, body: RequestInput<A>): number {
    const correlationId = this.#nextCorrelationId++;
    this.write(encodeRequest(api, version, { correlationId, clientId: 'raw' }, body));
    return correlationId;
  }

  /** The next response frame, without its length; undefined when the broker closed instead. */
  async frame(): Promise<Buffer | undefined> {
    for (;;) {
      const end = this.#bytesTo(4) ? 4 + this.#received.readInt32BE(0) : Number.POSITIVE_INFINITY;
      if (this.#bytesTo(end)) {
        const frame = this.#received.subarray(4, end);
        this.#received = this.#received.subarray(end);
        return frame;
      }
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #bytesTo(count: number): boolean {
    if (this.bytesWaiting < count) return false;
    if (this.#received.length < count) {
      this.#received = Buffer.concat([this.#received, ...this.#chunks]);
      this.#chunks = [];
    }
    return true;
  }

  async receive<A extends Api>(
    api: A,
    version: number,
  ): Promise<{ correlationId: number; body: ResponseOutput<A> }> {
    const frame = await this.frame();
    if (frame === undefined) throw new ConnectionClosed(`closed instead of a ${api.name} response`);
    return decodeResponse(api, version, frame);
  }

  async call<A extends Api>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOutput<A>> {
    this.send(api, version, body);
    return (await this.receive(api, version)).body;
  }

  get bytesWaiting(): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, this.#received.length);
  }

  /** Resolves when the broker has closed the connection. */
  async closed(): Promise<void> {
    while (!this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  end(): void {
    this.socket.destroy();
  }
}
