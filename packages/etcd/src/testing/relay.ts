import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What a relay does with bytes. `deaf`: takes them and drops them, on connections old and new, as a network cut does. */
type RelayMode = 'open' | 'deaf' | 'deafToAnswers';

/** A TCP hop in front of a member that can be cut without the member's doing. */
export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  mode: RelayMode = 'open';
  /** How late the member's bytes come. */
  answerAfterMs = 0;

  static async to(endpoint: string): Promise<Relay> {
    const target = new URL(endpoint);
    const relay = new Relay(target.hostname, Number(target.port));
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  private constructor(host: string, port: number) {
    this.#server = createServer((near) => {
      const far = connect({ host, port });
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
      }
      // TCP has no holes: a connection that lacks something ends with what comes after it.
      let isHoled = false;
      const pass = (to: Socket, bytes: Buffer, isHeard: boolean): void => {
        isHoled ||= !isHeard;
        if (!isHoled) to.write(bytes);
        else if (isHeard) near.resetAndDestroy();
      };
      near.on('data', (bytes) => pass(far, bytes, this.mode !== 'deaf')).on('close', () => far.destroy());
      const answer = (bytes: Buffer): void => pass(near, bytes, this.mode === 'open');
      far
        .on('data', (bytes) =>
          this.answerAfterMs === 0 ? answer(bytes) : setTimeout(answer, this.answerAfterMs, bytes),
        )
        .on('close', () => near.destroy());
    });
  }

  get endpoint(): string {
    const { port } = this.#server.address() as { port: number };
    return `http://127.0.0.1:${port}`;
  }

  /** Resets every connection. */
  breakAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.breakAll();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
