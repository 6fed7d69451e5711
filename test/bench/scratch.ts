import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';

const PARENT = join(import.meta.dirname, '../../node_modules/.cache/edgelog');

/** A fresh directory on the disk of the working tree (a temporary directory may be memory), for the caller to remove. */
export function scratchDir(): string {
  mkdirSync(PARENT, { recursive: true });
  return mkdtempSync(join(PARENT, 'bench-'));
}
