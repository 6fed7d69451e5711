import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { temporaryDir } from '../../testing/fixture.ts';
import { aclSchema, rulesOfFile, rulesOfSection } from './acl-rules.ts';
import { ClientRights } from './client-rights.ts';
import { FailedLogins } from './failed-logins.ts';
import { PasswordCheck } from './password-check.ts';
import { hashPassword, isPassword, parsePasswordHash } from './password-hash.ts';
import { covers, overlaps, parseFilter } from './topic-filter.ts';
import { readUsersFile, usersOf, withUser, writeUsersFile } from './users-file.ts';

describe('the users file', () => {
  const path = () => join(temporaryDir(), 'users');

  test('lines of mosquitto_passwd are taken', async () => {
    const file = path();
    execFileSync('mosquitto_passwd', ['-c', '-b', file, 'ann', 'secret'], { stdio: 'ignore' });
    execFileSync('mosquitto_passwd', ['-b', file, 'bob', 'pass word'], { stdio: 'ignore' });
    const users = usersOf(readUsersFile(file));
    expect([...users.keys()]).toEqual(['ann', 'bob']);
    expect(await isPassword(users.get('ann')!, Buffer.from('secret'))).toBe(true);
    expect(await isPassword(users.get('bob')!, Buffer.from('pass word'))).toBe(true);
    expect(await isPassword(users.get('bob')!, Buffer.from('secret'))).toBe(false);
  });

  test('a user that is added, changed and removed leaves the other lines alone', async () => {
    const file = path();
    let users = { path: file, lines: ['# ours', `ann:${await hashPassword('one')}`, ''] };
    const keep = users.lines.slice(0, 2);
    const bob = await hashPassword('two');
    writeUsersFile(withUser(users, 'bob', bob));
    users = { path: file, lines: [...readUsersFile(file).lines] };
    expect(users.lines).toEqual([...keep, `bob:${bob}`, '']);
    expect(withUser(users, 'bob', '$7$other').lines).toEqual([...keep, 'bob:$7$other', '']);
    expect(withUser(users, 'bob', undefined).lines).toEqual([...keep, '']);
    const rights = () => execFileSync('stat', ['-c', '%a', file], { encoding: 'utf8' }).trim();
    expect(rights()).toBe('600');
    chmodSync(file, 0o640);
    writeUsersFile(withUser(users, 'bob', undefined));
    expect(rights()).toBe('640');
  });

  test.runIf(process.getuid?.() === 0)(
    'a file that was given to the agent is still its own when root adds a user',
    () => {
      const file = path();
      writeUsersFile({ path: file, lines: [] });
      chownSync(file, 0, 4242);
      writeUsersFile(withUser(readUsersFile(file), 'bob', '$7$x'));
      expect(statSync(file).gid).toBe(4242);
    },
  );

  test.each([
    ['ann', /users:1: expected USER:HASH/],
    ['ann:secret', /users:1: user "ann": the password hash is neither/],
    ['ann:$7$x$c2FsdA==$aGFzaGhhc2hoYXNoaGFzaA==', /x iterations/],
    ['ann:$scrypt$ln=30,r=8,p=1$c2FsdA==$aGFzaGhhc2hoYXNoaGFzaA==', /too much/],
    ['ann:$6$c2FsdA==$aGFzaGhhc2hoYXNoaGFzaA==', /before 2\.0/],
  ])('%s is refused with its line, without the password', (line, expected) => {
    expect(() => usersOf({ path: 'users', lines: [line] })).toThrow(expected);
    expect(() => usersOf({ path: 'users', lines: [line] })).not.toThrow(/secret/);
  });
});

test('what was right is remembered, under this hash only; a wrong password never', async () => {
  const check = new PasswordCheck();
  const hash = parsePasswordHash(await hashPassword('right'));
  const other = parsePasswordHash(await hashPassword('right'));
  expect(check.isKnown('ann', hash, Buffer.from('right'))).toBe(false);
  expect(await check.check('ann', hash, Buffer.from('wrong'))).toBe(false);
  expect(await check.check('ann', hash, Buffer.from('right'))).toBe(true);
  expect(check.isKnown('ann', hash, Buffer.from('right'))).toBe(true);
  expect(check.isKnown('ann', hash, Buffer.from('wrong'))).toBe(false);
  expect(check.isKnown('ann', other, Buffer.from('right'))).toBe(false);
});

test('a thousand guesses at once do not fill the queue for others: what became hopeless meanwhile is not looked at', async () => {
  const check = new PasswordCheck();
  const hash = parsePasswordHash(await hashPassword('right'));
  const failed = new FailedLogins(() => 0);
  let looked = 0;
  const isHopeless = () => {
    const isSo = failed.mustWait('host', 'ann');
    if (!isSo) looked++;
    return isSo;
  };
  const guesses = Array.from({ length: 1000 }, async () => {
    const isRight = await check.check('ann', hash, Buffer.from('wrong'), isHopeless);
    failed.failed('host', 'ann');
    return isRight;
  });
  expect(await check.check('bob', hash, Buffer.from('right'))).toBe(true);
  expect(new Set(await Promise.all(guesses))).toEqual(new Set([false]));
  expect(looked).toBeLessThan(10);
});

test('whoever guesses passwords waits longer and longer; another user of the same host does not', () => {
  let now = 0;
  const failed = new FailedLogins(() => now);
  const first = [1, 2, 3].map(() => failed.failed('host', 'ann'));
  expect(first).toEqual([true, false, false]);
  expect(failed.mustWait('host', 'ann')).toBe(true);
  expect(failed.mustWait('host', 'bob')).toBe(false);
  now += 1000;
  expect(failed.mustWait('host', 'ann')).toBe(false);
  failed.failed('host', 'ann');
  now += 1000;
  expect(failed.mustWait('host', 'ann')).toBe(true);
  for (let i = 0; i < 30; i++) failed.failed('host', 'ann');
  now += 60_000;
  expect(failed.mustWait('host', 'ann')).toBe(false);
  failed.succeeded('host', 'ann');
  expect(failed.failed('host', 'ann')).toBe(true);
});

describe('topic filters', () => {
  const level = fc.constantFrom('a', 'b', '$x', '');
  const topic = fc.array(level, { minLength: 1, maxLength: 4 });
  const filter = fc
    .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
    .map(([levels, isOpen]) => (isOpen || levels.length === 0 ? [...levels, '#'] : levels));

  test('one that covers another has all its topics, and then they overlap', () => {
    fc.assert(
      fc.property(filter, filter, topic, (wide, narrow, one) => {
        const inWide = covers(wide, one);
        const inNarrow = covers(narrow, one);
        if (covers(wide, narrow) && inNarrow) expect(inWide).toBe(true);
        if (inWide && inNarrow) expect(overlaps(wide, narrow)).toBe(true);
        expect(overlaps(wide, narrow)).toBe(overlaps(narrow, wide));
      }),
      { numRuns: 2000 },
    );
  });

  test('# has the level above it, and no topic that begins with $', () => {
    expect(covers(['a', '#'], ['a'])).toBe(true);
    expect(covers(['#'], ['$SYS', 'x'])).toBe(false);
    expect(overlaps(['#'], ['$SYS', '#'])).toBe(false);
    for (const wrong of ['', 'a/#/b', 'a#', 'a/b+']) expect(parseFilter(wrong)).toBeUndefined();
  });
});

describe('rules', () => {
  const rules = rulesOfSection(
    aclSchema.parse([
      { user: 'meter-*', publish: ['meters/%u/#', 'by-id/%c'], subscribe: ['commands/%u'] },
      { user: 'desk', both: ['#'], deny: ['secret/#'] },
      { publish: ['hello'] },
    ]),
  );

  test('a user has what is his, and what is everybody’s', () => {
    const rights = new ClientRights(rules, 'meter-7', 'c1');
    expect(rights.mayPublish('meters/meter-7/temp')).toBe(true);
    expect(rights.mayPublish('meters/meter-8/temp')).toBe(false);
    expect(rights.mayPublish('by-id/c1')).toBe(true);
    expect(rights.mayPublish('hello')).toBe(true);
    expect(rights.mayPublish('commands/meter-7')).toBe(false);
    expect(rights.maySubscribe('commands/meter-7')).toBe(true);
    expect(rights.maySubscribe('commands/meter-8')).toBe(false);
    expect(rights.mayReceive('meters/meter-7/temp')).toBe(false);
  });

  test('a wider subscription is taken and gives what is allowed of it', () => {
    const rights = new ClientRights(rules, 'meter-7', 'c1');
    expect(rights.maySubscribe('#')).toBe(true);
    expect(rights.maySubscribe('$share/g/commands/+')).toBe(true);
    expect(rights.mayReceive('commands/meter-7')).toBe(true);
    expect(rights.mayReceive('commands/meter-8')).toBe(false);
  });

  test('deny goes before what allows', () => {
    const rights = new ClientRights(rules, 'desk', 'c2');
    expect(rights.mayPublish('anything')).toBe(true);
    expect(rights.mayPublish('secret/x')).toBe(false);
    expect(rights.maySubscribe('secret/#')).toBe(false);
    expect(rights.maySubscribe('#')).toBe(true);
    expect(rights.mayReceive('secret/x')).toBe(false);
  });

  test.each(['#', '+', 'a/b', ''])('a user or client called %j gets nothing by %%u and %%c', (name) => {
    const all = rulesOfSection(aclSchema.parse([{ both: ['of/%u', 'at/%c/#'] }]));
    const rights = new ClientRights(all, name, name);
    for (const topic of ['of/x', 'of/a/b', 'at/x', 'at/a/b', 'of/', 'at/']) {
      expect(rights.mayPublish(topic)).toBe(false);
      expect(rights.maySubscribe(topic)).toBe(false);
    }
  });

  test('a file of Mosquitto means what it means there', () => {
    const text =
      '# ours\ntopic read news/#\n\nuser ann\ntopic write ann/out\ntopic ann/both\ntopic deny news/late\npattern read to/%c\n';
    const parsed = rulesOfFile('acl', text);
    const ann = new ClientRights(parsed, 'ann', 'c');
    const nobody = new ClientRights(parsed, undefined, 'd');
    expect(ann.mayReceive('news/x')).toBe(false);
    expect(nobody.mayReceive('news/x')).toBe(true);
    expect(ann.mayPublish('ann/out')).toBe(true);
    expect(ann.mayReceive('ann/out')).toBe(false);
    expect([ann.mayPublish('ann/both'), ann.mayReceive('ann/both')]).toEqual([true, true]);
    expect([ann.mayReceive('to/c'), nobody.mayReceive('to/d'), nobody.mayReceive('to/c')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(() => rulesOfFile('acl', 'user ann\ntopics x')).toThrow(/acl:2: topics is not one of/);
    expect(() => rulesOfFile('acl', 'topic read a#')).toThrow(/acl:1: "a#" is not an MQTT topic filter/);
  });
});
