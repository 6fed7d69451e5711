import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { tempDir } from './test-dirs.ts';
import type { Seen } from './test-io-error-child.ts';

const HERE = import.meta.dirname;
const FOR_EVER = 1_000_000;

interface Faults {
  /** Paths that begin so. */
  on: string;
  calls: 'sync' | 'write' | 'read';
  /** Calls that succeed before, and how many fail then. */
  from: number;
  times: number;
}

/** A C compiler and the headers of the C library. */
const canCompile =
  process.platform === 'linux' &&
  spawnSync('cc', ['-E', '-o', '/dev/null', join(HERE, 'test-io-errors.c')]).status === 0;

describe.skipIf(!canCompile && process.env.CI !== 'true')(
  `a disk that answers with an I/O error${canCompile ? '' : ' (needs Linux, gcc and libc6-dev)'}`,
  () => {
    let library: string;
    beforeAll(() => {
      const built = mkdtempSync(join(tmpdir(), 'edgelog-log-'));
      library = join(built, 'io-errors.so');
      execFileSync('cc', ['-shared', '-fPIC', '-o', library, join(HERE, 'test-io-errors.c'), '-ldl']);
      return () => rmSync(built, { recursive: true });
    });

    function run(dir: string, faults?: Faults): Seen & { errors: string[] } {
      const env = faults && {
        LD_PRELOAD: library,
        FAIL_PATH: faults.on,
        FAIL_CALLS: faults.calls,
        FAIL_FROM: `${faults.from}`,
        FAIL_TIMES: `${faults.times}`,
      };
      const child = join(HERE, 'test-io-error-child.ts');
      // Its status says nothing: with a transaction that failed LMDB may abort as the process exits.
      const { stdout, stderr } = spawnSync(process.execPath, [child, dir], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
        timeout: 120_000,
      });
      const errors = stderr.split('\n').filter((line) => line.startsWith('EIO '));
      return { ...(JSON.parse(stdout) as Seen), errors };
    }

    test.each([
      { calls: 'sync', from: 6 },
      { calls: 'write', from: 20 },
      { calls: 'write', from: 260 },
    ] as const)(
      'once only, at $calls $from: it is never acknowledged after that, and what was is there',
      ({ calls, from }) => {
        const dir = tempDir();
        const failed = run(dir, { on: dir, calls, from, times: 1 });
        expect(failed.errors).toHaveLength(1);
        expect(failed).toMatchObject({ failure: 'STORE_FAILED', later: 'STORE_FAILED' });
        expect(failed.acknowledged).toBeGreaterThan(0);

        const next = run(dir);
        expect(next).toMatchObject({ damaged: 0, acknowledged: 150 });
        expect(next.read).toBeGreaterThanOrEqual(failed.acknowledged);
      },
    );

    test('once only: the page cache takes for written what was not, so the next process writes it again before it relies on it', () => {
      const dir = tempDir();
      // Before there is a journal: where that cannot be made the store goes on without.
      const failed = run(dir, { on: dir, calls: 'sync', from: 30, times: 1 });
      expect(failed.failure).toBe('STORE_FAILED');
      const segment = join(dir, 'segments', '000000000001.mdb');
      const refused = run(dir, { on: segment, calls: 'write', from: 0, times: 1 });
      expect(refused.errors).toEqual([`EIO write ${segment}`]);
      expect(refused.failure).toMatch(
        /not opened: .*could not be written to the disk before, nor can it be now: EIO/,
      );

      expect(run(dir).acknowledged).toBe(150);
      expect(existsSync(join(dir, 'FAILED'))).toBe(false);
    });

    test('for ever, as a sealed segment is read: what cannot be read is reported, and what is behind it is served', () => {
      const dir = tempDir();
      for (let i = 0; i < 2; i++) expect(run(dir).acknowledged).toBe(150);
      const segment = join(dir, 'segments', '000000000001.mdb');
      const seen = run(dir, { on: segment, calls: 'read', from: 0, times: FOR_EVER });
      expect(seen.errors.length).toBeGreaterThan(0);
      expect(seen.damaged).toBeGreaterThan(0);
      expect(seen.reported).toBe(seen.damaged);
      expect(seen.read + seen.damaged).toBe(300);
      expect(seen.acknowledged).toBe(150);
    });
  },
);
