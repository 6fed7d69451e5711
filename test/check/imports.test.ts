import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Folder → packages of ours that it may import (DESIGN, section 2). */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'packages/base': [],
  'packages/runtime': ['base'],
  'packages/etcd': ['base'],
  'packages/wire': ['base'],
  'packages/client': ['base', 'runtime', 'wire'],
  'packages/log': ['base', 'wire'],
  'packages/sync': ['base', 'wire', 'log'],
  'packages/cluster': ['base', 'log'],
  'packages/sink': ['base', 'runtime', 'wire', 'sync', 'client'],
  'packages/edge': ['base', 'wire', 'log', 'sync'],
  'packages/sim': ['base', 'wire', 'log', 'sync', 'cluster', 'edge', 'sink'],
  agent: ['base', 'runtime', 'wire', 'client', 'log', 'sync', 'sink', 'edge', 'devices'],
  hub: ['base', 'runtime', 'etcd', 'wire', 'client', 'log', 'sync', 'sink', 'cluster'],
  devices: ['base', 'runtime'],
  'packages/cli': [
    'base',
    'runtime',
    'wire',
    'client',
    'etcd',
    'log',
    'cluster',
    'sync',
    'sink',
    'edge',
    'agent',
    'hub',
    'devices',
  ],
};

/** What tests may import besides. */
const TESTS_ONLY = ['sim'];

/** `wire` is pure: no sockets, files, timers. The pure cores of the others are held to it by their own tests. */
const IMPURE = /^node:(net|fs|fs\/promises|http|https|dgram|child_process|timers|timers\/promises)$/;

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('node_modules'))
    .map((file) => join(folder, file));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/(?:from|import\(?)\s*'([^']+)'/g)].map((match) => match[1]!);
}

test.each(Object.keys(ALLOWED))('%s imports only what stands below it', (folder) => {
  const files = sources(folder);
  expect(files.length).toBeGreaterThan(0);
  const violations: string[] = [];
  for (const file of files) {
    const isTest = /\.test\.ts$|\/test(ing)?\//.test(file);
    const itself = folder.split('/').at(-1)!;
    const allowed = [itself, ...ALLOWED[folder]!, ...(isTest ? TESTS_ONLY : [])];
    for (const name of importsOf(file)) {
      const ours = /^@edgelog\/([a-z]+)/.exec(name)?.[1];
      if (ours !== undefined && !allowed.includes(ours)) violations.push(`${file} imports @edgelog/${ours}`);
      const target = relative(ROOT, join(ROOT, file, '..', name));
      if (name.startsWith('.') && !target.startsWith(`${folder}/`))
        violations.push(`${file} reaches out to ${name}`);
      if (folder === 'packages/wire' && !isTest && IMPURE.test(name))
        violations.push(`${file} imports ${name}`);
    }
  }
  expect(violations).toEqual([]);
});
