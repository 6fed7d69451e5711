import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { EdgelogError } from '@edgelog/base';

const PASSWORD_BYTES_MAX = 4096;

/**
 * Asked for at a terminal without showing it, a new one twice; else the first line of standard input. Throws CONFIG_INVALID.
 */
export async function readPassword(command: string, { isNew }: { isNew: boolean }): Promise<string> {
  const refuse = (what: string) => new EdgelogError('CONFIG_INVALID', `${command}: ${what}`);
  const password = process.stdin.isTTY ? await ask('Password: ') : await firstLine();
  if (password === '') throw refuse('the password is empty');
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX)
    throw refuse(`the password has more than ${PASSWORD_BYTES_MAX} bytes`);
  if (isNew && process.stdin.isTTY && (await ask('Once more: ')) !== password) throw refuse('the two differ');
  return password;
}

function ask(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(question);
  return new Promise((resolve) => {
    const done = (line: string) => {
      lines.off('close', onClose).close();
      process.stderr.write('\n');
      resolve(line);
    };
    const onClose = () => done('');
    lines.once('line', done).once('close', onClose);
  });
}

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line;
  return '';
}
