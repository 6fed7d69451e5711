import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where versions of etcd that were fetched are kept. */
export const ETCD_CACHE = join(import.meta.dirname, '../../../node_modules/.cache/edgelog/etcd');

const PACKAGE = 'etcd-server';
const DEBIAN_ETCD = join(ETCD_CACHE, 'debian/usr/bin/etcd');

/** `EDGELOG_ETCD`, else the one that was fetched, else the one on the path; undefined when there is none. */
export function findEtcd(): string | undefined {
  if (process.env.EDGELOG_ETCD !== undefined) return process.env.EDGELOG_ETCD;
  if (existsSync(DEBIAN_ETCD)) return DEBIAN_ETCD;
  return isOnPath('etcd') ? 'etcd' : undefined;
}

/**
 * Debian's etcd, where there is none. The package is unpacked and not installed: installing it would start a service on etcd's
 * own ports. Throws with the command to type.
 */
export function fetchEtcd(): void {
  const command = `apt-get update && apt-get install -y --no-install-recommends ${PACKAGE}`;
  if (!isOnPath('apt-get'))
    throw new Error(`etcd is not here. Install it, as on Debian: sudo sh -c '${command}'`);
  mkdirSync(ETCD_CACHE, { recursive: true });
  const dir = mkdtempSync(join(ETCD_CACHE, 'fetch-'));
  const run = (program: string, ...args: string[]): void =>
    void execFileSync(program, args, { cwd: dir, stdio: 'pipe' });
  try {
    try {
      run('apt-get', 'download', PACKAGE);
    } catch {
      run('apt-get', 'update');
      run('apt-get', 'download', PACKAGE);
    }
    const archive = readdirSync(dir).find((file) => file.endsWith('.deb'))!;
    run('dpkg-deb', '-x', archive, 'root');
    renameSync(join(dir, 'root'), dirname(dirname(dirname(DEBIAN_ETCD))));
  } catch (cause) {
    throw new Error(`Could not fetch etcd. Run: sudo sh -c '${command}'`, { cause });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** etcd takes settings from the environment too; 3.4 wants to be told that ARM is meant. */
export function etcdEnvironment(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('ETCD'));
  return { ...Object.fromEntries(others), ETCD_UNSUPPORTED_ARCH: process.arch };
}

function isOnPath(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}
