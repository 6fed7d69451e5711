import { readFileSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';
import type { Alarms } from '@edgelog/edge';
import type { Counter, Logger } from '@edgelog/runtime';
import type { Client } from 'aedes';
import { LogLimiter } from '../../log-limiter.ts';
import { watchFiles } from '../../watched-files.ts';
import type { Access } from '../access.ts';
import type { MqttPeer, MqttSocket } from '../listeners/index.ts';
import { type AclRule, type AclSection, rulesOfFile, rulesOfSection } from './acl-rules.ts';
import { ClientRights } from './client-rights.ts';
import { BAD_PASSWORD, LoginRefused, NOT_AUTHORIZED, UNAVAILABLE } from './login-refused.ts';
import { isSameHash, type PasswordHash } from './password-hash.ts';
import { UserLogins } from './user-logins.ts';
import { readUsersFile, usersOf } from './users-file.ts';

export interface AccessSettings {
  mqttUsers?: string | undefined;
  mqttAcl?: string | undefined;
  acl?: AclSection | undefined;
}

export interface AccessOptions {
  settings: AccessSettings;
  failedLogins: Counter;
  alarms: Alarms;
  log: Logger;
  monotonicMs: () => number;
}

interface Known {
  /** Proven by a password or a certificate; undefined: nobody was asked. */
  user: string | undefined;
  clientId: string;
  /** The password that was right. */
  hash: PasswordHash | undefined;
  rights: ClientRights | undefined;
  /** What `rights` was made from. */
  rules: readonly AclRule[] | undefined;
}

interface Files {
  users: Map<string, PasswordHash> | undefined;
  rules: AclRule[] | undefined;
}

/** What the broker keeps in sessions for itself; nobody publishes there. */
const OWN_TOPICS = '$edgelog/';
const ALARM = 'mqtt access';

/**
 * Who may connect, by the users file and client certificates, and what to whom, by rules. Files are taken anew when they
 * change; where one is wrong, an alarm says so and what stood before goes on. Without users everybody may connect,
 * without rules everybody may do everything.
 */
export class MqttAccess implements Access {
  readonly #options: AccessOptions;
  readonly #limiter: LogLimiter;
  readonly #logins: UserLogins;
  readonly #clients = new WeakMap<Client, Known>();
  readonly #stopWatching: () => void;
  #settings: AccessSettings;
  #files: Files;
  #onChange: () => void = () => {};

  /** Throws CONFIG_INVALID naming file and line. */
  constructor(options: AccessOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#limiter = new LogLimiter(options.log, options.monotonicMs);
    const { failedLogins, monotonicMs } = options;
    this.#logins = new UserLogins({ users: () => this.#files.users, failedLogins, monotonicMs });
    const { mqttUsers, mqttAcl } = options.settings;
    const paths = [mqttUsers, mqttAcl].filter((path) => path !== undefined);
    this.#stopWatching = paths.length === 0 ? () => {} : watchFiles(paths, () => this.#reload());
    try {
      this.#files = load(options.settings);
    } catch (error) {
      this.#stopWatching();
      throw error;
    }
  }

  get hasUsers(): boolean {
    return this.#files.users !== undefined;
  }

  status() {
    const { users, rules } = this.#files;
    return {
      users: users?.size ?? null,
      rules: rules?.length ?? null,
      failedLogins: this.#options.failedLogins.value,
    };
  }

  /** `run` is called when users or rules have changed. */
  onChange(run: () => void): void {
    this.#onChange = run;
  }

  /** Other rules in the place of the section `acl`; what is returned puts them in force. Throws CONFIG_INVALID. */
  prepareRules(acl: AclSection | undefined): () => void {
    const settings = { ...this.#settings, acl };
    const files = load(settings);
    return () => {
      this.#settings = settings;
      this.#files = files;
      this.#onChange();
    };
  }

  stop(): void {
    this.#stopWatching();
  }

  /** Throws LoginRefused. */
  async authenticate(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
    peer?: MqttPeer,
  ): Promise<boolean> {
    const who = await this.#identify(client, username, password, peer?.certificateName);
    const known: Known = { ...who, clientId: client.id, rights: undefined, rules: undefined };
    this.#clients.set(client, known);
    const will = willTopicOf(client);
    if (will !== undefined && !this.mayPublish(client, will)) {
      this.#limiter.warn('login refused', {
        client: client.id,
        user: who.user,
        reason: 'last will',
        topic: will,
      });
      throw new LoginRefused(NOT_AUTHORIZED, 'the topic of the last will is not allowed');
    }
    return true;
  }

  mayPublish(client: Client, topic: string): boolean {
    return this.#rightsOf(client)?.mayPublish(topic) ?? this.#files.rules === undefined;
  }

  maySubscribe(client: Client, filter: string): boolean {
    if (filter.startsWith(OWN_TOPICS)) return true;
    return this.#rightsOf(client)?.maySubscribe(filter) ?? this.#files.rules === undefined;
  }

  mayReceive(client: Client, topic: string): boolean {
    return this.#rightsOf(client)?.mayReceive(topic) ?? this.#files.rules === undefined;
  }

  userOf(client: Client): string | undefined {
    return this.#clients.get(client)?.user;
  }

  hasUser(name: string): boolean {
    return this.#files.users?.has(name) ?? true;
  }

  /** False for who has connected with what is not in the users file any more. */
  isWelcome(client: Client): boolean {
    const known = this.#clients.get(client);
    const { users } = this.#files;
    if (known === undefined || users === undefined || known.hash === undefined) return true;
    const now = users.get(known.user!);
    return now !== undefined && isSameHash(now, known.hash);
  }

  #rightsOf(client: Client): ClientRights | undefined {
    const known = this.#clients.get(client);
    const { rules } = this.#files;
    if (known === undefined || rules === undefined) return undefined;
    if (known.rights === undefined || known.rules !== rules) {
      known.rights = new ClientRights(rules, known.user, known.clientId);
      known.rules = rules;
    }
    return known.rights;
  }

  async #identify(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
    certificateName: string | undefined,
  ): Promise<Pick<Known, 'user' | 'hash'>> {
    const { users } = this.#files;
    if (certificateName !== undefined && (username === undefined || users === undefined)) {
      return { user: certificateName, hash: undefined };
    }
    if (users === undefined) return { user: undefined, hash: undefined };
    const address = (client.conn as MqttSocket).remoteAddress ?? '';
    const login = await this.#logins.login(address, username, password);
    if ('hash' in login) return { user: username, hash: login.hash };
    if (login.refused === 'wait') {
      throw new LoginRefused(BAD_PASSWORD, 'too many wrong passwords, come later');
    }
    if (login.refused === 'busy') throw new LoginRefused(UNAVAILABLE, 'too many logins at once, come later');
    const { reason, isFirst } = login;
    if (isFirst) {
      const user = username ?? '';
      this.#limiter.warn('login refused', { client: client.id, user, remote: address, reason });
    }
    throw new LoginRefused(BAD_PASSWORD, reason);
  }

  #reload(): void {
    const { alarms, log } = this.#options;
    try {
      this.#files = load(this.#settings);
    } catch (error) {
      alarms.raise(ALARM, `${(error as Error).message}; users and rules stay as they were before`);
      return;
    }
    alarms.clear(ALARM);
    log.info('users and rules reloaded', this.status());
    this.#onChange();
  }
}

function load({ mqttUsers, mqttAcl, acl }: AccessSettings): Files {
  const users = mqttUsers === undefined ? undefined : usersOf(readUsersFile(mqttUsers, '--mqtt-users'));
  const fromFile = mqttAcl === undefined ? undefined : rulesOfFile(mqttAcl, readRules(mqttAcl));
  const rules = [...(acl === undefined ? [] : rulesOfSection(acl)), ...(fromFile ?? [])];
  return { users, rules: acl === undefined && fromFile === undefined ? undefined : rules };
}

function readRules(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `--mqtt-acl ${path} cannot be read: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

/** aedes keeps the will aside until the client is let in. */
function willTopicOf(client: Client): string | undefined {
  return (client as unknown as { _will?: { topic: string } | null })._will?.topic;
}
