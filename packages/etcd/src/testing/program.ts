import { execFileSync } from 'node:child_process';
import { findEtcd } from '../program.ts';

/** The etcd to test with, which set-up has fetched where there was none. */
export function etcdProgram(): string {
  return findEtcd() ?? 'etcd';
}

/** For example [3, 4]. */
export function etcdVersion(): readonly [major: number, minor: number] {
  const text = execFileSync(etcdProgram(), ['--version'], { encoding: 'utf8' });
  const [, major, minor] = /etcd Version: (\d+)\.(\d+)/.exec(text) ?? [];
  return [Number(major), Number(minor)];
}
