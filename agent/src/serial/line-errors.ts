import { readFileSync, realpathSync } from 'node:fs';

/** Errors that a chip saw, since the machine started. */
export interface LineErrors {
  parity: number;
  framing: number;
  overrun: number;
  breaks: number;
}

/**
 * What `/proc/tty/driver` tells of a port; null where the driver does not count (USB adapters) or the file is for root only.
 * The kernel drops bytes with such errors; the counts of the ioctl TIOCGICOUNT, which USB drivers have, Node cannot ask for.
 */
export function lineErrors(path: string, procTty = '/proc/tty'): LineErrors | null {
  try {
    const device = realpathSync(path);
    const drivers = readFileSync(`${procTty}/drivers`, 'utf8');
    for (const row of drivers.split('\n')) {
      const [name, prefix] = row.trim().split(/\s+/);
      if (name === undefined || prefix === undefined || !device.startsWith(prefix)) continue;
      const index = device.slice(prefix.length);
      if (!/^\d+$/.test(index)) continue;
      return parseLineErrors(readFileSync(`${procTty}/driver/${name}`, 'utf8'), index);
    }
  } catch {
    // Not there, or not for us.
  }
  return null;
}

/** A row is `0: uart:16550A port:000003F8 irq:4 tx:11 rx:0 fe:2 pe:1 brk:3 oe:4 RTS|DTR`; a count of 0 is left out. */
function parseLineErrors(text: string, index: string): LineErrors | null {
  const row = text.split('\n').find((one) => one.startsWith(`${index}: uart:`));
  if (row === undefined) return null;
  const count = (key: string) => Number(new RegExp(`\\b${key}:(\\d+)`).exec(row)?.[1] ?? 0);
  return { parity: count('pe'), framing: count('fe'), overrun: count('oe'), breaks: count('brk') };
}
