import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashPassword } from '@edgelog/agent/mqtt/access/index.ts';
import { temporaryDir, testAgent, until } from '@edgelog/agent/testing/fixture.ts';
import { publishPacket, RawMqtt } from '@edgelog/agent/testing/raw-mqtt.ts';
import { expect, onTestFinished, test } from 'vitest';
import { runCli } from '../run-cli.ts';
import { isQuiet } from './agent-client.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

async function startAgent(settings: { httpUsers?: string } = {}) {
  const agent = await testAgent({ dataDir: temporaryDir(), ...settings });
  const url = `http://127.0.0.1:${agent.httpPort}`;
  const publish = async (...values: (string | Buffer)[]) => {
    const client = await RawMqtt.connect(agent.mqttPort, 'dev');
    client.send(...values.map((value, i) => publishPacket('hall', value, { messageId: i + 1 })));
    await client.packets('puback', values.length);
    client.socket.destroy();
  };
  return { agent, url, publish };
}

test('edgelog tail prints the last records of a gateway that no hub can be reached from', async () => {
  const { url, publish } = await startAgent();
  await publish(...Array.from({ length: 15 }, (_, i) => `value ${i}`), 'tab\there');
  const { code, stdout } = await runCli(['tail', '--agent', url]);
  expect(code).toBe(0);
  const lines = stdout.split('\n').slice(0, -1);
  expect(lines).toHaveLength(10);
  expect(lines[0]).toMatch(/^6\t\d{4}-.*\thall\tvalue 6\t.*edgelog\.gateway=gw,edgelog\.source=mqtt:dev/);
  expect(lines.at(-1)).toContain('\ttab\\there\t');
  const json = await runCli(['tail', 'telemetry', '--from', '3', '--limit', '2', '--json', '--agent', url]);
  expect(
    json.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line).value),
  ).toEqual(['value 3', 'value 4']);
});

test('edgelog tail --follow goes on with what comes until it is told to stop', async () => {
  const { url, publish } = await startAgent();
  await publish('first');
  const child = spawn(process.execPath, [MAIN, 'tail', '--follow', '--agent', url], { stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  await until('the first is there', () => stdout.includes('first'));
  await publish('second');
  await until('the second is there', () => stdout.includes('second'));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  expect(await ended).toBe(0);
});

test('a stream that is quiet for longer than fetch waits is asked again, and the agent is not called gone', () => {
  expect(isQuiet(new TypeError('terminated', { cause: { code: 'UND_ERR_BODY_TIMEOUT' } }))).toBe(true);
  expect(isQuiet(new TypeError('terminated', { cause: { code: 'UND_ERR_SOCKET' } }))).toBe(false);
  expect(isQuiet(new TypeError('terminated'))).toBe(false);
});

test('edgelog tail says what is wrong', async () => {
  const { url, publish } = await startAgent();
  expect((await runCli(['tail', '--agent', url])).stderr).toMatch(/no stream yet/);
  await publish('x');
  expect((await runCli(['tail', 'other', '--agent', url])).stderr).toMatch(
    /no stream "other" on this gateway/,
  );
  expect((await runCli(['tail', '--from', '99', '--agent', url])).stderr).toMatch(/the stream ends at 1/);
  expect((await runCli(['tail', '--from', 'room 7', '--agent', url])).stderr).toMatch(/--from = "room 7"/);
  expect((await runCli(['tail', '--agent', 'http://127.0.0.1:9'])).stderr).toMatch(/no agent answers/);
});

test('edgelog tail shows a gateway with users who asks, and says what it wants where it does not', async () => {
  const dir = temporaryDir();
  const [users, password] = [join(dir, 'users'), join(dir, 'password')];
  writeFileSync(users, `ann:${await hashPassword('secret')}\n`);
  writeFileSync(password, 'secret\n');
  const { url, publish } = await startAgent({ httpUsers: users });
  await publish('x');
  const tail = (...args: string[]) => runCli(['tail', '--agent', url, ...args]);
  expect((await tail('--user', 'ann', '--password-file', password)).stdout).toMatch(/\tx\t/);
  expect((await tail()).stderr).toMatch(/has users: give --user NAME/);
  writeFileSync(password, 'guess\n');
  expect((await tail('--user', 'ann', '--password-file', password)).stderr).toMatch(
    /does not know this user/,
  );
  expect((await tail('--ca', password)).stderr).toMatch(/--ca .*password holds no certificate in PEM/);
  expect((await tail('--password-file', password)).stderr).toMatch(/--password-file needs --user/);
  expect((await runCli(['tail', '--agent', url.replace('//', '//ann:x@')])).stderr).toMatch(/holds a user/);
});

test('edgelog users adds, lists and removes; the password comes from standard input', async () => {
  const file = join(temporaryDir(), 'users');
  const withInput = (input: string, ...args: string[]) =>
    new Promise<string>((resolve) => {
      const child = spawn(process.execPath, [MAIN, 'users', ...args, '--file', file], { stdio: 'pipe' });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (output += bytes));
      child.on('close', () => resolve(output));
      child.stdin.end(input);
    });
  expect(await withInput('secret', 'add', 'ann')).toBe('added user ann\n');
  expect(await withInput('other\n', 'add', 'ann')).toBe('changed user ann\n');
  expect(await withInput('secret', 'add', 'a:b')).toMatch(/is no user name/);
  expect(await withInput('', 'add', 'bob')).toMatch(/the password is empty/);
  expect(readFileSync(file, 'utf8')).toMatch(/^ann:\$scrypt\$ln=14,r=8,p=1\$[^$]+\$[^$]+\n$/);
  expect(await withInput('', 'list')).toBe('ann\n');
  expect(await withInput('', 'remove', 'bob')).toMatch(/has no user "bob"/);
  expect(await withInput('', 'remove', 'ann')).toBe('removed user ann\n');
  expect(readFileSync(file, 'utf8')).toBe('');
});
