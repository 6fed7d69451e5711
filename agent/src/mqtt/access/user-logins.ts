import type { Counter } from '@edgelog/runtime';
import { FailedLogins } from './failed-logins.ts';
import { PasswordCheck } from './password-check.ts';
import { isSameHash, type PasswordHash } from './password-hash.ts';

/** Let in, or why not: wrong credentials, a wait after too many of those, or too many others at once. */
export type Login =
  | { readonly hash: PasswordHash }
  | { readonly refused: 'wait' }
  | { readonly refused: 'busy' }
  | {
      readonly refused: 'wrong';
      readonly reason: string;
      /** In a row, and so worth a line in the log. */
      readonly isFirst: boolean;
    };

export interface UserLoginsOptions {
  /** As the users file is now; undefined: it is gone. */
  readonly users: () => ReadonlyMap<string, PasswordHash> | undefined;
  readonly failedLogins: Counter;
  readonly monotonicMs: () => number;
}

/** Logins with a user and a password; guessing is slowed down for each address and user, and counted. */
export class UserLogins {
  readonly #options: UserLoginsOptions;
  readonly #failed: FailedLogins;
  readonly #passwords = new PasswordCheck();

  constructor(options: UserLoginsOptions) {
    this.#options = options;
    this.#failed = new FailedLogins(options.monotonicMs);
  }

  async login(address: string, user: string | undefined, password: Buffer | undefined): Promise<Login> {
    const { users, failedLogins } = this.#options;
    if (user === undefined) return this.#wrong(address, '', 'no user name');
    const hash = users()?.get(user);
    if (hash !== undefined && password !== undefined && this.#passwords.isKnown(user, hash, password)) {
      this.#failed.succeeded(address, user);
      return { hash };
    }
    // Who guesses on many connections at once must not fill the queue for all others.
    const isHopeless = () => this.#failed.mustWait(address, user);
    if (isHopeless()) {
      failedLogins.inc();
      return { refused: 'wait' };
    }
    if (hash === undefined) return this.#wrong(address, user, 'no such user');
    if (password === undefined) return this.#wrong(address, user, 'no password');
    if (this.#passwords.isBusy) return { refused: 'busy' };
    if (!(await this.#passwords.check(user, hash, password, isHopeless))) {
      return this.#wrong(address, user, 'wrong password');
    }
    const still = users()?.get(user);
    if (still === undefined || !isSameHash(still, hash)) {
      return this.#wrong(address, user, 'the user was removed or has another password');
    }
    this.#failed.succeeded(address, user);
    return { hash };
  }

  #wrong(address: string, user: string, reason: string): Login {
    this.#options.failedLogins.inc();
    return { refused: 'wrong', reason, isFirst: this.#failed.failed(address, user) };
  }
}
