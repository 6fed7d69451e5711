import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onPath } from './programs.ts';

const VERSION = 'v2.15.2';
const FOLDER = join(import.meta.dirname, '../../node_modules/.cache/edgelog/nats', VERSION);

/** The NATS server that benchmarks run beside the agent, built once from its Go module. Throws with what to install. */
export function natsServer(): string {
  const program = join(FOLDER, 'nats-server');
  if (existsSync(program)) return program;
  if (!onPath('go')) throw new Error('Building nats-server needs Go: sudo apt-get install -y golang-go');
  mkdirSync(FOLDER, { recursive: true });
  process.stderr.write(`building nats-server ${VERSION}\n`);
  execFileSync('go', ['install', `github.com/nats-io/nats-server/v2@${VERSION}`], {
    stdio: 'inherit',
    env: { ...process.env, GOBIN: FOLDER },
  });
  return program;
}
