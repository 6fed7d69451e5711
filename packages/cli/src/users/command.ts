import { existsSync } from 'node:fs';
import {
  assertUserName,
  hashPassword,
  readUsersFile,
  usersOf,
  withUser,
  writeUsersFile,
} from '@edgelog/agent/mqtt/access/index.ts';
import { EdgelogError } from '@edgelog/base';
import { loadSettings, withoutControls } from '@edgelog/runtime';
import { z } from 'zod';
import { printJson } from '../table.ts';
import { readPassword } from './password.ts';

const COMMAND = 'edgelog users';

const usersSettings = z.object({
  action: z.enum(['add', 'remove', 'list']).describe('add (or give a new password), remove, list.'),
  user: z.array(z.string()).default([]).describe('The user, for remove several.'),
  file: z.string().min(1).describe("The file of the agent's --mqtt-users or --http-users; add makes it."),
  json: z.boolean().default(false).describe('List as JSON.'),
});
type Settings = z.output<typeof usersSettings>;

const NOTES = `The password is asked for, or read from standard input where that is no terminal:

  edgelog users add meter-7 --file users
  printf '%s' "$PASSWORD" | edgelog users add meter-7 --file users

Files of mosquitto_passwd ($7$) may be used as they are. A running agent takes changes up by itself.`;

/** `edgelog users`: who may connect to a gateway over MQTT. */
export async function usersCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: COMMAND,
    summary: 'Users of a gateway, for MQTT or its page: add, remove, list.',
    schema: usersSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['action', 'user'],
    notes: NOTES,
  });
  if (settings.action === 'list') list(settings);
  else if (settings.action === 'add') await add(settings);
  else remove(settings);
  return 0;
}

function list({ file, json, user }: Settings): void {
  if (user.length > 0) throw refuse('list takes no user');
  const users = [...usersOf(readUsersFile(file))].map(([name, { kind }]) => ({ user: name, hash: kind }));
  if (json) printJson(users);
  else for (const { user } of users) process.stdout.write(`${withoutControls(user)}\n`);
}

async function add({ file, user: [name, ...others] }: Settings): Promise<void> {
  if (name === undefined || others.length > 0) throw refuse('add takes one user');
  assertUserName(name);
  const before = existsSync(file) ? readUsersFile(file) : { path: file, lines: [] };
  const isNew = !usersOf(before).has(name);
  writeUsersFile(withUser(before, name, await hashPassword(await readPassword(COMMAND, { isNew: true }))));
  process.stdout.write(`${isNew ? 'added' : 'changed'} user ${name}\n`);
}

function remove({ file, user }: Settings): void {
  if (user.length === 0) throw refuse('remove needs a user');
  let users = readUsersFile(file);
  const known = usersOf(users);
  for (const name of user) {
    if (!known.has(name)) throw new EdgelogError('REFUSED', `${file} has no user ${JSON.stringify(name)}`);
    users = withUser(users, name, undefined);
  }
  writeUsersFile(users);
  for (const name of user) process.stdout.write(`removed user ${name}\n`);
}

function refuse(what: string): EdgelogError {
  return new EdgelogError('CONFIG_INVALID', `${COMMAND}: ${what}`);
}
