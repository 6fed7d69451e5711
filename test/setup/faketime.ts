import { execFileSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';

/** Where Debian puts it, by architecture. */
const LIBRARIES = '/usr/lib/*/faketime/libfaketime.so.1';
const INSTALL = 'apt-get update && apt-get install -y --no-install-recommends faketime';

/** The library that gives a process a clock of its own, installed where that is allowed. Throws with the command to type. */
export function fakeTimeLibrary(): string {
  const found = globSync(LIBRARIES)[0];
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
    throw new Error(`Clocks that jump need a library that is not installed. Run: sudo sh -c '${INSTALL}'`);
  execFileSync('sh', ['-c', INSTALL], { stdio: ['ignore', 'ignore', 'pipe'] });
  return globSync(LIBRARIES)[0]!;
}
