import { readFileSync, statSync } from 'node:fs';

/** What the system said when a port could not be opened, with what it means for who has to mend it. */
export function openErrorText(path: string, message: string): string {
  const said = message.replace(/^Error:? /, '');
  if (/cannot lock/i.test(said)) return `another program has it open (${said})`;
  if (/permission denied/i.test(said)) return `${said}; the user of this process must be in ${ownerOf(path)}`;
  if (/inappropriate ioctl/i.test(said)) return `it is no serial port (${said})`;
  return said;
}

function ownerOf(path: string): string {
  const gid = statSync(path, { throwIfNoEntry: false })?.gid;
  const name = groups().find(([, , id]) => id === String(gid))?.[0];
  return name === undefined ? 'its group, mostly dialout' : `its group, ${name}`;
}

function groups(): string[][] {
  try {
    return readFileSync('/etc/group', 'utf8')
      .split('\n')
      .map((row) => row.split(':'));
  } catch {
    return [];
  }
}
