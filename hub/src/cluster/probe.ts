import { connect, type Socket } from 'node:net';
import { type Address, parseAddress } from '@edgelog/runtime';

/** Between the two tries that have to fail. */
const AGAIN_MS = 50;
/** After a failure that says nothing of the process: no route, no answer. */
const RETRY_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;

/**
 * One idle connection to a broker. When it breaks, and two connections after it are refused, nobody listens there any more, so the
 * process is gone, long before its lease is. A refusal counts only where there was a connection before: an address that others cannot
 * reach at all says nothing.
 */
export class PeerProbe {
  readonly #address: Address;
  readonly #onGone: () => void;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wasConnected = false;
  #connectedAt = 0;
  /** Since the connection broke, and how many of them were refused. */
  #failures = 0;
  #refusals = 0;
  #isClosed = false;

  /** `onGone` is called again as long as connections are refused. */
  constructor(address: string, onGone: () => void) {
    this.#address = parseAddress(address);
    this.#onGone = onGone;
    this.#connect();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = connect(this.#address);
    this.#socket = socket;
    let failure: string | undefined;
    socket.unref();
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy());
    socket.on('connect', () => {
      socket.setTimeout(0);
      socket.setKeepAlive(true, CONNECT_TIMEOUT_MS);
      this.#wasConnected = true;
      this.#connectedAt = performance.now();
      this.#failures = -1;
      this.#refusals = 0;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure = error.code;
    });
    socket.on('close', () => this.#onClose(failure === 'ECONNREFUSED'));
    socket.resume();
  }

  #onClose(isRefused: boolean): void {
    if (this.#isClosed) return;
    this.#failures++;
    this.#refusals = isRefused ? this.#refusals + 1 : 0;
    if (this.#refusals >= 2 && this.#wasConnected) this.#onGone();
    // One that is closed as soon as it is open, by a broker with too many, is not hurried.
    const lastedMs = performance.now() - this.#connectedAt;
    const hasJustBroken =
      this.#wasConnected && (this.#failures === 0 ? lastedMs > RETRY_MS : this.#failures < 2);
    this.#timer = setTimeout(() => this.#connect(), hasJustBroken ? AGAIN_MS : RETRY_MS);
    this.#timer.unref();
  }
}
