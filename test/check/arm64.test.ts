import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';

/*
 * A gateway is an arm64 machine without a compiler: what is native among the dependencies must come compiled for it, for the
 * glibc of Debian, and needs no script at installation.
 */

const ROOT = join(import.meta.dirname, '../..');

/** What the product does without where it is not compiled: the package that asks for it goes on in JavaScript. */
const DISPENSABLE = new Set(['cbor-extract', 'msgpackr-extract']);

const installed = z.object({
  version: z.string().optional(),
  dev: z.boolean().optional(),
  os: z.union([z.string(), z.array(z.string())]).optional(),
  cpu: z.union([z.string(), z.array(z.string())]).optional(),
  hasInstallScript: z.boolean().optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
});
const lock = z
  .object({ packages: z.record(z.string(), installed) })
  .parse(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')));

const shipped = Object.entries(lock.packages).flatMap(([path, one]) =>
  path.startsWith('node_modules/') && one.dev !== true
    ? [{ ...one, name: path.slice('node_modules/'.length) }]
    : [],
);
const isFor = (one: { os?: unknown; cpu?: unknown }, cpu: string): boolean =>
  [one.os].flat().includes('linux') && [one.cpu].flat().includes(cpu);

const forX64 = shipped.filter((one) => isFor(one, 'x64'));
const buildable = shipped.filter(
  ({ name, hasInstallScript }) =>
    !DISPENSABLE.has(name) &&
    (hasInstallScript === true || existsSync(join(ROOT, 'node_modules', name, 'binding.gyp'))),
);

test('there are native dependencies to check', () => {
  expect(forX64.length).toBeGreaterThan(4);
  expect(buildable.length).toBeGreaterThan(1);
});

test.each(forX64)('$name is there for arm64, in the same version', ({ name, version }) => {
  const twin = shipped.find((one) => one.name === name.replace('x64', 'arm64'));
  expect(twin).toMatchObject({ version });
  expect(isFor(twin!, 'arm64')).toBe(true);
});

test.each(buildable)('$name brings a program for arm64 and Debian', ({ name, optionalDependencies = {} }) => {
  const inside = join(ROOT, 'node_modules', name, 'prebuilds/linux-arm64');
  const programs = existsSync(inside)
    ? readdirSync(inside).filter((file) => /glibc.*\.node$/.test(file))
    : [];
  const beside = shipped.filter((one) => one.name in optionalDependencies && isFor(one, 'arm64'));
  expect([...programs, ...beside.map((one) => one.name)]).not.toEqual([]);
});
