import { mkdirSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';
import { etcdEnvironment, fetchEtcd, findEtcd } from '@edgelog/etcd/program.ts';
import type { Command } from './child.ts';
import { hasProgram } from './has-program.ts';

const HEALTH_TIMEOUT_MS = 1_000;

/** One member that keeps its data in `dataDir`, fetched where there is none. Throws REFUSED with what to install. */
export function etcdCommand(dataDir: string, { client, peer }: { client: string; peer: string }): Command {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const args = Object.entries({
    name: 'dev',
    'data-dir': dataDir,
    'listen-client-urls': `http://${client}`,
    'advertise-client-urls': `http://${client}`,
    'listen-peer-urls': `http://${peer}`,
    'initial-advertise-peer-urls': `http://${peer}`,
    'initial-cluster': `dev=http://${peer}`,
    logger: 'zap',
    'log-level': 'warn',
  }).flatMap(([flag, value]) => [`--${flag}`, value]);
  const program = ensureEtcd();
  // It knows nothing of a channel to its parent: the kernel is to end it with this process, however that ends.
  const bound = hasProgram('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--', program] : [program];
  return {
    program: bound[0]!,
    args: [...bound.slice(1), ...args],
    env: etcdEnvironment(),
    isReady: () => answers(`http://${client}/health`),
  };
}

function ensureEtcd(): string {
  if (findEtcd() === undefined) {
    process.stdout.write('fetching etcd\n');
    try {
      fetchEtcd();
    } catch (cause) {
      throw new EdgelogError('REFUSED', (cause as Error).message, { cause });
    }
  }
  return findEtcd()!;
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) })).ok;
  } catch {
    return false;
  }
}
