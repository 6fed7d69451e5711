import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { apis } from '@edgelog/wire';

const LENGTH_BYTES = 4;
/** In a request behind its length: key, version, correlation id; in a response the correlation id comes first. */
const CORRELATION_ID_AT = LENGTH_BYTES + 4;
const REQUEST_HEAD_BYTES = CORRELATION_ID_AT + 4;

/** What becomes of the request that a tap waits for. */
export interface TapPlan {
  /** Default: the broker gets it, and only the answer is lost. */
  readonly lose?: 'answer' | 'request';
  /** Default: the connection breaks. Otherwise the client hears nothing on it any more. */
  readonly left?: 'break' | 'silence';
}

interface Plan {
  readonly plan: TapPlan;
  readonly lost: () => void;
}

/**
 * A relay in front of one broker that knows where Kafka's requests and responses begin, and can lose one: the answer of a request that
 * the broker has carried out is the fault that no cut cable makes at will.
 */
export class KafkaTap {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #plans: Plan[] = [];
  #server: Server | undefined;

  constructor(target: number) {
    this.#target = target;
  }

  /** Where it listens. */
  async open(): Promise<number> {
    const server = createServer({ noDelay: true }, (near) => this.#relay(near));
    this.#server = server;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as { port: number }).port;
  }

  /** Loses the next Produce, or its answer. Resolves when it is lost. */
  loseNextProduce(plan: TapPlan = {}): Promise<void> {
    return new Promise((lost) => this.#plans.push({ plan, lost }));
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #relay(near: Socket): void {
    const far = connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    const state: { silent: boolean; awaited: (Plan & { correlationId: number }) | undefined } = {
      silent: false,
      awaited: undefined,
    };
    const lose = ({ plan, lost }: Plan): void => {
      state.silent = true;
      if (plan.left !== 'silence') near.destroy();
      lost();
    };
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    }
    near.on('close', () => far.destroySoon());
    far.on('close', () => near.destroySoon());
    near.on(
      'data',
      eachFrame((frame) => {
        if (state.silent) return;
        const isProduce = frame.length >= REQUEST_HEAD_BYTES && frame.readInt16BE(4) === apis.produce.key;
        if (isProduce && state.awaited === undefined) {
          const next = this.#plans.shift();
          if (next?.plan.lose === 'request') return lose(next);
          if (next !== undefined)
            state.awaited = { ...next, correlationId: frame.readInt32BE(CORRELATION_ID_AT) };
        }
        far.write(frame);
      }),
    );
    far.on(
      'data',
      eachFrame((frame) => {
        if (state.silent) return;
        const { awaited } = state;
        if (awaited !== undefined && frame.readInt32BE(LENGTH_BYTES) === awaited.correlationId) lose(awaited);
        else near.write(frame);
      }),
    );
  }
}

/** Calls `take` with every whole frame, its length in front. */
function eachFrame(take: (frame: Buffer) => void): (chunk: Buffer) => void {
  let received: Buffer = Buffer.alloc(0);
  return (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    while (received.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + received.readInt32BE(0);
      if (received.length < end) return;
      take(received.subarray(0, end));
      received = received.subarray(end);
    }
  };
}
