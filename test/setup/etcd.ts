import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DEBIAN_ETCD, ETCD_CACHE } from '../../packages/etcd/src/testing/program.ts';
import { onPath } from './programs.ts';

const PACKAGE = 'etcd-server';

/**
 * Debian's etcd for the tests, where there is none. The package is unpacked and not installed: installing it would start
 * a service on etcd's own ports.
 */
export function fetchEtcd(): void {
  if (process.env.EDGELOG_ETCD !== undefined || existsSync(DEBIAN_ETCD) || onPath('etcd')) return;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${PACKAGE}`;
  if (!onPath('apt-get'))
    throw new Error(`The tests need etcd. Install it, as on Debian: sudo sh -c '${command}'`);
  process.stderr.write('fetching a test peer: etcd\n');
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
    throw new Error(`Could not fetch etcd for the tests. Run: sudo sh -c '${command}'`, { cause });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
