import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '../..');
const manifest = z.object({
  name: z.string(),
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
});
const read = (path: string) => manifest.parse(JSON.parse(readFileSync(join(ROOT, path), 'utf8')));

/** What the tests of every package may use. */
const root = read('package.json');
const workspaces = globSync(['packages/*/package.json', '{agent,hub,devices}/package.json'], { cwd: ROOT });

/** `ws` of `ws`, `@edgelog/log` of `@edgelog/log/src/x.ts`; undefined for files and Node's own. */
function packageOf(specifier: string): string | undefined {
  if (/^(\.|node:)/.test(specifier)) return undefined;
  const [scope, name] = specifier.split('/');
  return scope!.startsWith('@') ? `${scope}/${name}` : scope;
}

test.each(workspaces)('%s names what its files import', (path) => {
  const { name, dependencies, devDependencies } = read(path);
  const undeclared = new Set<string>();
  for (const file of globSync('**/*.ts', {
    cwd: join(ROOT, dirname(path)),
    exclude: ['**/node_modules/**'],
  })) {
    const isTest = /\.test\.ts$|(^|\/)test(ing)?\/|(^|\/)test-[a-z-]+\.ts$/.test(file);
    const text = readFileSync(join(ROOT, dirname(path), file), 'utf8');
    for (const [, specifier] of text.matchAll(/^(?:import|export)\b[^'"]*?\bfrom\s+'([^']+)'/gm)) {
      const one = packageOf(specifier!);
      if (one === undefined || one === name || one in dependencies) continue;
      if (isTest && (one in devDependencies || one in root.devDependencies || one.startsWith('@edgelog/')))
        continue;
      undeclared.add(`${file}: ${one}`);
    }
  }
  expect([...undeclared]).toEqual([]);
});
