import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { until } from './fixture.ts';

export interface Mosquitto {
  readonly port: number;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** On the same port, with what it had on disk. */
  start(): Promise<void>;
  /** `mosquitto_pub` with these arguments; resolves when the broker has it all. */
  publish(...args: string[]): Promise<void>;
  /** One message a line, in one connection. */
  publishLines(lines: readonly string[], ...args: string[]): Promise<void>;
}

/** A real mosquitto in `dir`, on a free port of loopback, killed when the test ends. */
export async function mosquitto(
  dir: string,
  config: readonly string[] = ['allow_anonymous true'],
): Promise<Mosquitto> {
  const port = await freePort();
  const file = join(dir, 'mosquitto.conf');
  const fixed = [
    `listener ${port} 127.0.0.1`,
    'persistence true',
    `persistence_location ${dir}/`,
    'autosave_interval 1',
    'max_queued_messages 100000',
    ...(process.getuid?.() === 0 ? ['user root'] : []),
  ];
  writeFileSync(file, [...fixed, ...config, ''].join('\n'));
  let child: ChildProcess | undefined;
  onTestFinished(() => void child?.kill('SIGKILL'));
  const start = async () => {
    const started = spawn('mosquitto', ['-c', file, '-v'], { stdio: ['ignore', 'ignore', 'pipe'] });
    child = started;
    let output = '';
    started.stderr.on('data', (text) => {
      output += text;
    });
    await until('mosquitto runs', () => output.includes(' running') || started.exitCode !== null);
    if (started.exitCode !== null) throw new Error(output);
  };
  await start();
  const at = ['-h', '127.0.0.1', '-p', `${port}`];
  return {
    port,
    start,
    async kill(signal) {
      const ended = new Promise<void>((resolve) => child!.once('exit', () => resolve()));
      child!.kill(signal);
      await ended;
    },
    async publish(...args) {
      await promisify(execFile)('mosquitto_pub', [...at, ...args]);
    },
    async publishLines(lines, ...args) {
      const client = spawn('mosquitto_pub', [...at, '-l', ...args], { stdio: ['pipe', 'ignore', 'ignore'] });
      const ended = new Promise<number | null>((resolve) => client.once('exit', resolve));
      client.stdin.end(`${lines.join('\n')}\n`);
      const status = await ended;
      if (status !== 0) throw new Error(`mosquitto_pub ended with ${status}`);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
