import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { EdgelogError } from '@edgelog/base';
import { listen } from '@edgelog/runtime';
import {
  type Api,
  apiByKey,
  apis,
  decodeRequest,
  decodeRequestHeader,
  encodeResponse,
  type ResponseOf,
  saslApis,
} from '@edgelog/wire';
import { FrameReader } from '../frames.ts';

/** One request as a broker met it. */
export interface Asked {
  readonly api: Api;
  readonly version: number;
  /** Decoded. */
  readonly body: unknown;
  readonly correlationId: number;
  readonly socket: Socket;
  /** Number of the connection, from 0. */
  readonly connection: number;
}

/** What is answered: a body, bytes as they are, nothing for now, or the end of the connection. */
export type Answer = object | Buffer | 'nothing' | 'close';

const served: readonly Api[] = [...Object.values<Api>(apis), ...Object.values<Api>(saslApis)];

/** For tests: a listener that speaks the Kafka protocol, says what it is told to, and remembers what it was asked. */
export class ScriptedBroker {
  readonly asked: Asked[] = [];
  connections = 0;
  port = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #script: (asked: Asked) => Answer | Promise<Answer>;

  private constructor(script: (asked: Asked) => Answer | Promise<Answer>, tls: TlsOptions | undefined) {
    this.#script = script;
    const onSocket = (socket: Socket) => this.#serve(socket);
    this.#server = tls === undefined ? createServer(onSocket) : createTlsServer(tls, onSocket);
    this.#server.on('tlsClientError', () => {});
  }

  /** `script` is not asked about ApiVersions. */
  static async start(
    script: (asked: Asked) => Answer | Promise<Answer>,
    tls?: TlsOptions,
  ): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(script, tls);
    broker.port = await listen(broker.#server, { host: '127.0.0.1', port: 0 }, 'test');
    return broker;
  }

  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.port };
  }

  get server(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** What was asked of one API, in order. */
  of(api: Api): Asked[] {
    return this.asked.filter((asked) => asked.api === api);
  }

  /** Ends the connections there are; new ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  stop(): void {
    this.#server.close();
    this.cut();
  }

  #serve(socket: Socket): void {
    const connection = this.connections++;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const frames = new FrameReader();
    let turn: Promise<void> = Promise.resolve();
    socket.on('data', (chunk) => {
      const ok = frames.read(chunk, (frame) => {
        const asked = { ...read(frame), socket, connection };
        if (asked.api !== apis.apiVersions) this.asked.push(asked);
        turn = turn.then(() => this.#answer(asked));
      });
      if (!ok) socket.destroy();
    });
  }

  async #answer(asked: Asked): Promise<void> {
    const { api, version, correlationId, socket } = asked;
    const answer = api === apis.apiVersions ? versions() : await this.#script(asked);
    if (answer === 'close') return void socket.destroy();
    if (answer === 'nothing') return;
    if (Buffer.isBuffer(answer)) return void socket.write(answer);
    for (const part of encodeResponse(api, version, correlationId, answer as ResponseOf<Api>))
      socket.write(part);
  }
}

function read(frame: Buffer) {
  const { apiKey, apiVersion: version, correlationId, bodyAt } = decodeRequestHeader(frame);
  const api = served.find(({ key }) => key === apiKey);
  if (api === undefined) throw new EdgelogError('UNSUPPORTED_VERSION', `API ${apiKey}`);
  const hasTags = apiByKey(apiKey) === undefined && version >= api.flexible;
  const body: unknown = decodeRequest(api, version, frame, hasTags ? bodyAt + 1 : bodyAt);
  return { api, version, correlationId, body };
}

function versions(): ResponseOf<'apiVersions'> {
  const apiKeys = served.map(({ key, versions: [minVersion, maxVersion] }) => ({
    apiKey: key,
    minVersion,
    maxVersion,
  }));
  return { errorCode: 0, apiKeys };
}
