import { EdgelogError } from '@edgelog/base';
import { z } from 'zod';
import { parseFilter } from './topic-filter.ts';

export type AclAction = 'publish' | 'subscribe' | 'both' | 'deny';

/** What some users may do with some topics; `deny` goes before all that allow. */
export interface AclRule {
  /** Whom it is for; undefined: everybody. */
  isFor: ((user: string | undefined) => boolean) | undefined;
  action: AclAction;
  /** A topic filter in which %u is the user and %c the client id. */
  filter: string;
}

const filters = z
  .array(z.string().refine((text) => parseFilter(text) !== undefined, 'expected an MQTT topic filter'))
  .default([]);

/** `acl` in the YAML file of --config. */
export const aclSchema = z
  .array(
    z.strictObject({
      user: z.string().min(1).optional().describe('name or pattern with *; left out: everybody'),
      publish: filters,
      subscribe: filters,
      both: filters,
      deny: filters,
    }),
  )
  .describe('what users may publish and subscribe to; %u is the user, %c the client id');

export type AclSection = z.output<typeof aclSchema>;

export function rulesOfSection(section: AclSection): AclRule[] {
  return section.flatMap(({ user, ...allowed }) => {
    const isFor = user === undefined ? undefined : isLike(user);
    return (['publish', 'subscribe', 'both', 'deny'] as const).flatMap((action) =>
      allowed[action].map((filter) => ({ isFor, action, filter })),
    );
  });
}

const ACTIONS: Readonly<Record<string, AclAction>> = {
  read: 'subscribe',
  write: 'publish',
  readwrite: 'both',
  deny: 'deny',
};

/**
 * A file as Mosquitto's acl_file: `user NAME`, then `topic [read|write|readwrite|deny] FILTER` for that user, before any
 * `user` for those without a name; `pattern …` for everybody. Throws CONFIG_INVALID naming the line.
 */
export function rulesOfFile(path: string, text: string): AclRule[] {
  const rules: AclRule[] = [];
  let isFor = (user: string | undefined): boolean => user === undefined;
  text.split(/\r?\n/).forEach((line, index) => {
    const fault = (what: string) => new EdgelogError('CONFIG_INVALID', `${path}:${index + 1}: ${what}`);
    const [, word, rest = ''] = /^\s*(\S+)\s*(.*?)\s*$/.exec(line) ?? [];
    if (word === undefined || word.startsWith('#')) return;
    if (word === 'user') {
      if (rest === '') throw fault('user needs a name');
      isFor = (user) => user === rest;
      return;
    }
    if (word !== 'topic' && word !== 'pattern') throw fault(`${word} is not one of user, topic, pattern`);
    const [, access, after] = /^(read|write|readwrite|deny)\s+(.+)$/.exec(rest) ?? [];
    const filter = after ?? rest;
    if (parseFilter(filter) === undefined)
      throw fault(`${JSON.stringify(filter)} is not an MQTT topic filter`);
    const action = ACTIONS[access ?? 'readwrite']!;
    rules.push({ isFor: word === 'pattern' ? undefined : isFor, action, filter });
  });
  return rules;
}

function isLike(pattern: string): (user: string | undefined) => boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`, 's');
  return (user) => user !== undefined && expression.test(user);
}
