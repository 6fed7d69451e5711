import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where the set-up of the tests puts versions of etcd that it fetched. */
export const ETCD_CACHE = join(import.meta.dirname, '../../../../node_modules/.cache/edgelog/etcd');

/** Debian's etcd, unpacked without its service. */
export const DEBIAN_ETCD = join(ETCD_CACHE, 'debian/usr/bin/etcd');

/** The etcd to test with: `EDGELOG_ETCD`, else the one that set-up fetched, else the one on the path. */
export function etcdProgram(): string {
  return process.env.EDGELOG_ETCD ?? (existsSync(DEBIAN_ETCD) ? DEBIAN_ETCD : 'etcd');
}

/** For example [3, 4]. */
export function etcdVersion(): readonly [major: number, minor: number] {
  const text = execFileSync(etcdProgram(), ['--version'], { encoding: 'utf8' });
  const [, major, minor] = /etcd Version: (\d+)\.(\d+)/.exec(text) ?? [];
  return [Number(major), Number(minor)];
}
