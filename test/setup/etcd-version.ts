import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ETCD_CACHE } from '../../packages/etcd/src/program.ts';
import { onPath } from './programs.ts';

/*
 * npm run etcd [-- VERSION]: the tests of packages/etcd, with longer random ones, against another etcd than Debian's, built
 * from its Go modules. VERSION as in `v3.5.21`; without it the newest.
 */

const MAIN = `package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
`;

/** Go cannot install etcd by name, since its modules replace each other; a module of ours that requires it can be built. */
function build(version: string): string {
  const dir = join(ETCD_CACHE, version);
  const program = join(dir, 'etcd');
  if (version !== 'latest' && existsSync(program)) return program;
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'go.mod'), 'module edgelog.example/etcd\n\ngo 1.23\n');
  writeFileSync(join(dir, 'main.go'), MAIN);
  for (const args of [
    ['get', `go.etcd.io/etcd/server/v3@${version}`],
    ['mod', 'tidy'],
    ['build', '-o', 'etcd', '.'],
  ])
    execFileSync('go', args, { cwd: dir, stdio: 'inherit' });
  return program;
}

if (!onPath('go')) {
  process.stderr.write('Building etcd needs Go: sudo apt-get install -y golang-go\n');
  process.exit(1);
}
const program = build(process.argv[2] ?? 'latest');
process.stdout.write(execFileSync(program, ['--version'], { encoding: 'utf8' }));
const tests = spawnSync('vitest', ['run', 'packages/etcd'], {
  stdio: 'inherit',
  env: { EDGELOG_ETCD_FAULTS: '40', ...process.env, EDGELOG_ETCD: program },
});
process.exit(tests.status ?? 1);
