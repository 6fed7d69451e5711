import { globSync } from 'node:fs';

/** Where Debian puts it, by architecture. */
const LIBRARIES = '/usr/lib/*/faketime/libfaketime.so.1';

/** The library that gives a process a clock of its own. */
export function fakeTimeLibrary(): string {
  const [found] = globSync(LIBRARIES);
  if (found === undefined) throw new Error(`no library at ${LIBRARIES}: apt-get install faketime`);
  return found;
}
