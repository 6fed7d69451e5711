import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Reserve } from './reserve.ts';
import { temporaryDir } from './testing/fixture.ts';

test('a reserve of another size, from before a setting was changed, is counted, given up and put right like any other', () => {
  const dir = temporaryDir();
  new Reserve(dir, 1000).take();
  const reserve = new Reserve(dir, 5000);
  expect([reserve.isHeld, reserve.bytes]).toEqual([true, 1000]);
  expect(reserve.give()).toBe(true);
  expect(existsSync(join(dir, 'RESERVE'))).toBe(false);
  new Reserve(dir, 1000).take();
  const grown = new Reserve(dir, 5000);
  grown.take();
  expect([grown.bytes, statSync(join(dir, 'RESERVE')).size]).toEqual([5000, 5000]);
});
