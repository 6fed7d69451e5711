import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian package → a program of it, for every real peer that `npm test` talks to. */
const PEERS: Readonly<Record<string, string>> = {
  kcat: 'kcat',
  mosquitto: 'mosquitto',
  'mosquitto-clients': 'mosquitto_pub',
  socat: 'socat',
};

/** Installs what is missing of the real peers where that is allowed; otherwise fails with the command to type. */
export default function installPeers(): void {
  const missing = Object.keys(PEERS).filter((name) => !onPath(PEERS[name]!));
  if (missing.length === 0) return;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    throw new Error(`The tests need programs that are not installed. Run: sudo sh -c '${command}'`);
  }
  process.stderr.write(`installing test peers: ${missing.join(' ')}\n`);
  try {
    execFileSync('sh', ['-c', command], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  } catch (cause) {
    throw new Error(`Could not install the test peers. Run: sudo sh -c '${command}'`, { cause });
  }
}

export function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
