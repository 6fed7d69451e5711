import { fetchEtcd, findEtcd } from '../../packages/etcd/src/program.ts';

/** The etcd of the tests: Debian's, where there is none. */
export function ensureEtcd(): void {
  if (findEtcd() !== undefined) return;
  process.stderr.write('fetching a test peer: etcd\n');
  fetchEtcd();
}
