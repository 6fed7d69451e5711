import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { isPassword, isSameHash, type PasswordHash } from './password-hash.ts';

/** Logins that wait for their turn; beyond, they are told to come later. */
const WAITING_MAX = 2000;

/**
 * Checks passwords one after the other on the thread pool, so that the disk keeps its threads, and remembers what was right: when
 * all devices of a gateway come back at once, each costs a hash of microseconds.
 */
export class PasswordCheck {
  readonly #key = randomBytes(32);
  readonly #right = new Map<string, { hash: PasswordHash; mac: Buffer }>();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** At once: true when this password was right before, under this very hash. */
  isKnown(user: string, hash: PasswordHash, password: Buffer): boolean {
    const right = this.#right.get(user);
    if (right === undefined || !isSameHash(right.hash, hash)) return false;
    return timingSafeEqual(right.mac, this.#macOf(password));
  }

  get isBusy(): boolean {
    return this.#waiting >= WAITING_MAX;
  }

  /** `isHopeless` is asked when its turn comes: true saves the work, and then the password counts as wrong. */
  async check(
    user: string,
    hash: PasswordHash,
    password: Buffer,
    isHopeless: () => boolean = () => false,
  ): Promise<boolean> {
    this.#waiting++;
    const turn = this.#last.then(async () => {
      if (this.isKnown(user, hash, password)) return true;
      if (isHopeless()) return false;
      const isRight = await isPassword(hash, password);
      if (isRight) this.#right.set(user, { hash, mac: this.#macOf(password) });
      return isRight;
    });
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }

  #macOf(password: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(password).digest();
  }
}
