import type { IncomingMessage } from 'node:http';
import type { Alarms } from '@edgelog/edge';
import type { Counter, Logger, OpsResponse } from '@edgelog/runtime';
import { LogLimiter } from '../log-limiter.ts';
import { type PasswordHash, readUsersFile, UserLogins, usersOf } from '../mqtt/access/index.ts';
import { watchFiles } from '../watched-files.ts';

export interface HttpAccessOptions {
  /** The file of `httpUsers`; undefined: everybody may. */
  readonly path: string | undefined;
  /** What a browser shows beside the question for a password. */
  readonly gateway: string;
  readonly failedLogins: Counter;
  readonly alarms: Alarms;
  readonly log: Logger;
  readonly monotonicMs: () => number;
}

const ALARM = 'http access';
const BASIC = /^Basic +([A-Za-z0-9+/=]+) *$/i;
const RETRY_AFTER_S = 60;

/**
 * Who may ask over HTTP, by user and password [RFC 7617]. The file is taken anew when it changes, and where it is wrong then, an alarm says
 * so and the users before it stay.
 */
export class HttpAccess {
  readonly #options: HttpAccessOptions;
  readonly #limiter: LogLimiter;
  readonly #logins: UserLogins;
  readonly #stopWatching: () => void = () => {};
  #users: ReadonlyMap<string, PasswordHash> | undefined;
  #onChange: () => void = () => {};

  /** Throws CONFIG_INVALID naming file and line. */
  constructor(options: HttpAccessOptions) {
    this.#options = options;
    this.#limiter = new LogLimiter(options.log, options.monotonicMs);
    const { failedLogins, monotonicMs } = options;
    this.#logins = new UserLogins({ users: () => this.#users, failedLogins, monotonicMs });
    const { path } = options;
    if (path === undefined) return;
    this.#users = usersOf(readUsersFile(path, '--http-users'));
    this.#stopWatching = watchFiles([path], () => this.#reload(path));
  }

  get hasUsers(): boolean {
    return this.#users !== undefined;
  }

  /** `run` is called when users have changed. */
  onChange(run: () => void): void {
    this.#onChange = run;
  }

  stop(): void {
    this.#stopWatching();
  }

  /** The answer for who may not ask; undefined for who may. */
  async refusalOf({
    headers,
    socket,
  }: Pick<IncomingMessage, 'headers' | 'socket'>): Promise<OpsResponse | undefined> {
    if (this.#users === undefined) return undefined;
    const given = credentialsOf(headers.authorization);
    if (given === undefined) return this.#ask('give a user and a password');
    const { user, password } = given;
    const remote = socket.remoteAddress ?? '';
    const login = await this.#logins.login(remote, user, password);
    if ('hash' in login) return undefined;
    if (login.refused === 'wait') {
      const headers = { 'retry-after': String(RETRY_AFTER_S) };
      return { status: 429, headers, body: { error: 'too many wrong passwords, come later' } };
    }
    if (login.refused === 'busy') {
      return { status: 503, body: { error: 'too many logins at once, come later' } };
    }
    const { reason, isFirst } = login;
    if (isFirst) this.#limiter.warn('HTTP login refused', { user, remote, reason });
    return this.#ask('user or password is wrong');
  }

  #ask(error: string): OpsResponse {
    const realm = `Edgelog gateway ${this.#options.gateway}`;
    return {
      status: 401,
      headers: { 'www-authenticate': `Basic realm="${realm}", charset="UTF-8"` },
      body: { error },
    };
  }

  #reload(path: string): void {
    const { alarms, log } = this.#options;
    try {
      this.#users = usersOf(readUsersFile(path, '--http-users'));
    } catch (error) {
      alarms.raise(ALARM, `${(error as Error).message}; the users before stay`);
      return;
    }
    alarms.clear(ALARM);
    log.info('HTTP users reloaded', { users: this.#users.size });
    this.#onChange();
  }
}

function credentialsOf(header: string | undefined): { user: string; password: Buffer } | undefined {
  const encoded = BASIC.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  const colon = bytes.indexOf(':');
  if (colon < 0) return undefined;
  return { user: bytes.subarray(0, colon).toString(), password: bytes.subarray(colon + 1) };
}
