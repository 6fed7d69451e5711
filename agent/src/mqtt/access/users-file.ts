import { randomUUID } from 'node:crypto';
import { chmodSync, chownSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';
import { type PasswordHash, parsePasswordHash } from './password-hash.ts';

/** Lines `USER:HASH`; empty lines and those that begin with # are passed over. */
export interface UsersFile {
  readonly path: string;
  readonly lines: readonly string[];
}

const OWNER_ONLY = 0o600;

/** Throws CONFIG_INVALID where it cannot be read, naming the file as what it is, or the setting that names it. */
export function readUsersFile(path: string, what = 'users file'): UsersFile {
  try {
    return { path, lines: readFileSync(path, 'utf8').split(/\r?\n/) };
  } catch (cause) {
    throw new EdgelogError('CONFIG_INVALID', `${what} ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** User → hash. Throws CONFIG_INVALID naming the line. */
export function usersOf({ path, lines }: UsersFile): Map<string, PasswordHash> {
  const users = new Map<string, PasswordHash>();
  lines.forEach((line, index) => {
    const user = userOf(line);
    if (user === undefined) return;
    const fault = (what: string) => new EdgelogError('CONFIG_INVALID', `${path}:${index + 1}: ${what}`);
    if (!line.includes(':') || user === '') throw fault('expected USER:HASH; edgelog users add writes it');
    if (users.has(user)) throw fault(`user ${JSON.stringify(user)} is there twice`);
    try {
      users.set(user, parsePasswordHash(line.slice(user.length + 1).trim()));
    } catch (error) {
      throw fault(`user ${JSON.stringify(user)}: ${(error as Error).message}`);
    }
  });
  return users;
}

/** With the user's line in the place of an earlier one, or behind all; without any for `undefined`. */
export function withUser({ path, lines }: UsersFile, user: string, hash: string | undefined): UsersFile {
  const at = lines.findIndex((line) => userOf(line) === user);
  const line = hash === undefined ? [] : [`${user}:${hash}`];
  if (at >= 0) return { path, lines: lines.toSpliced(at, 1, ...line) };
  return { path, lines: [...lines.filter((one, i) => one !== '' || i < lines.length - 1), ...line] };
}

/** Readable by its owner alone when it is new, by whom it was before when it is not; in one step, so that who reads meanwhile sees the old or the new. */
export function writeUsersFile({ path, lines }: UsersFile): void {
  const text = `${lines.join('\n').replace(/\n+$/, '')}\n`;
  const next = `${path}.${randomUUID()}`;
  const before = existsSync(path) ? statSync(path) : undefined;
  try {
    writeFileSync(next, text === '\n' ? '' : text, { mode: OWNER_ONLY, flush: true });
    if (before !== undefined) {
      chownSync(next, before.uid, before.gid);
      chmodSync(next, before.mode & 0o777);
    }
    renameSync(next, path);
  } catch (cause) {
    throw new EdgelogError('CONFIG_INVALID', `${path} cannot be written: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Throws CONFIG_INVALID for what cannot stand in front of the colon. */
export function assertUserName(user: string): void {
  if (/^[^\s:#+/$][^:#+/\p{Cc}]{0,127}$/u.test(user)) return;
  throw new EdgelogError(
    'CONFIG_INVALID',
    `${JSON.stringify(user)} is no user name: 1 to 128 characters without : # + / and control characters`,
  );
}

/** Undefined for a line that names nobody. */
function userOf(line: string): string | undefined {
  if (line.trim() === '' || line.startsWith('#')) return undefined;
  const colon = line.indexOf(':');
  return colon < 0 ? '' : line.slice(0, colon);
}
