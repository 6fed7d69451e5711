import { execFileSync } from 'node:child_process';
import { ensureEtcd } from './etcd.ts';
import { hasJava, kafkaJars } from './kafka-jars.ts';
import { onPath } from './programs.ts';

/** Debian package → a program of it, for every real peer that `npm test` talks to. */
const PEERS: Readonly<Record<string, string>> = {
  faketime: 'faketime',
  kcat: 'kcat',
  mosquitto: 'mosquitto',
  'mosquitto-clients': 'mosquitto_pub',
  openssl: 'openssl',
  socat: 'socat',
};

/** Global set-up of the tests: the programs they need, and Kafka's jars where there is Java (CI must have it). */
export default function setup(): void {
  installPeers();
  ensureEtcd();
  if (hasJava() || process.env.CI === 'true') kafkaJars();
}

/** Installs what is missing of the real peers where that is allowed; otherwise fails with the command to type. */
export function installPeers(): void {
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
