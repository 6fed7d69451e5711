import type { z } from 'zod';
import { loginCall } from '../answers.ts';
import { EtcdError } from '../error.ts';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Asks for a token; given by the caller, which knows the members. */
type Ask = (path: string, body: object, answer: typeof loginCall) => Promise<z.output<typeof loginCall>>;

/**
 * The token of user and password. etcd forgets tokens that were idle for five minutes and those given by a member that
 * restarted, so one is asked for again whenever etcd does not know it.
 */
export class Login {
  readonly #credentials: Credentials | undefined;
  #token: string | undefined;
  #asking: Promise<string> | undefined;

  constructor(credentials: Credentials | undefined) {
    this.#credentials = credentials;
  }

  /** Headers that say who calls; calls that come while a token is asked for share it. */
  async headers(ask: Ask): Promise<Record<string, string>> {
    if (this.#credentials === undefined) return {};
    this.#token ??= await this.#ask(this.#credentials, ask);
    return { authorization: this.#token };
  }

  /** Whether a new token may help. Forgets only the refused one: another call may have a newer one by now. */
  refused(headers: Readonly<Record<string, string>>): boolean {
    if (this.#credentials === undefined) return false;
    if (this.#token === headers.authorization) this.#token = undefined;
    return true;
  }

  async #ask({ user, password }: Credentials, ask: Ask): Promise<string> {
    this.#asking ??= ask('auth/authenticate', { name: user, password }, loginCall)
      .then((answer) => answer.token)
      .finally(() => {
        this.#asking = undefined;
      });
    try {
      return await this.#asking;
    } catch (error) {
      // The call that needed the token was never sent, whatever became of the login.
      if (error instanceof EtcdError)
        throw new EtcdError(error.reason, 'notApplied', error.message, { cause: error });
      throw error;
    }
  }
}
