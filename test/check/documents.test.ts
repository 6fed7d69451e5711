import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

/* A file that is renamed or removed leaves its name behind in documents, and whoever looks for it there finds nothing. */

const ROOT = join(import.meta.dirname, '../..');
const outside = ['**/node_modules/**'];
const documents = globSync('**/*.md', { cwd: ROOT, exclude: outside });
const sources = globSync('**/*.ts', { cwd: ROOT, exclude: outside }).map((path) => `/${path}`);

/** What looks like the name of a file and is none: a place for a number and a name, and a path inside a JSON payload. */
const EXAMPLES = /\bNN-name\.ts$|^data\.ts$/;

test.each(documents)('%s names sources and links files that are there', (document) => {
  const text = readFileSync(join(ROOT, document), 'utf8');
  const named = Array.from(text.matchAll(/`([\w./-]+\.ts)`/g), ([, name]) => name!);
  const missing = named.filter(
    (name) =>
      !EXAMPLES.test(name) && !sources.some((path) => path.endsWith(`/${name.replace(/^(\.\.?\/)+/, '')}`)),
  );
  const linked = Array.from(text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g), ([, path]) => path!);
  const dead = linked.filter((path) => !existsSync(join(ROOT, dirname(document), path)));
  expect([...missing, ...dead]).toEqual([]);
});
