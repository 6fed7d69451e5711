import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { didYouMean, loadSettings } from '@edgelog/runtime';
import { z } from 'zod';
import { captureFiles, expectedLines, outcomeLines, replayCapture } from './check.ts';
import { type DescribedProfile, describeProfile } from './describe.ts';
import { isProfilePath, loadProfile, PROFILES_DIRECTORY, profileNames } from './load.ts';

const VERBS = ['list', 'show', 'check'] as const;

const profilesSettings = z.object({
  verb: z.string().default('list').describe('list, show or check.'),
  profile: z
    .array(z.string().min(1))
    .default([])
    .describe('Names of profiles, or YAML files. Check without any: all that come with Edgelog.'),
  json: z.boolean().default(false).describe('With list and show: as JSON.'),
});

const NOTES = `check reads a profile and, where a capture lies beside it (FILE.capture), plays that against it and compares
with FILE.expected. A capture has lines of milliseconds, < (from the instrument) or > (to it), and bytes:

  0 > 01 04 00 01 00 02 20 0B
  25 < 01 04 04 01 31 02 22 2A CE`;

/** `edgelog devices profiles …`: resolves with the exit status; 1 if a profile does not give what is expected of it. */
export async function profilesCommand(argv: string[]): Promise<number> {
  const { verb, profile, json } = loadSettings({
    command: 'edgelog devices profiles',
    summary:
      'Profiles of instruments on serial lines: what there is, what each gives, and whether one is right.',
    schema: profilesSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['verb', 'profile'],
    notes: NOTES,
  });
  if (verb === 'list') return list(json);
  if (verb === 'show') return show(profile, json);
  if (verb === 'check') return check(profile.length > 0 ? profile : profileNames());
  const problem = `unknown verb ${JSON.stringify(verb)}${didYouMean(verb, VERBS)}; there are ${VERBS.join(', ')}`;
  throw new EdgelogError('CONFIG_INVALID', `edgelog devices profiles: ${problem}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function list(json: boolean): number {
  const profiles = profileNames().map((name) => describeProfile(loadProfile(name)));
  if (json)
    print(
      JSON.stringify(
        profiles.map(({ values, ...rest }) => rest),
        null,
        2,
      ),
    );
  else
    for (const { name, protocol, title } of profiles)
      print(`${name.padEnd(18)}${protocol.padEnd(14)}${title}`);
  return 0;
}

function show(names: readonly string[], json: boolean): number {
  if (names.length === 0)
    throw new EdgelogError('CONFIG_INVALID', 'edgelog devices profiles show: a profile is required');
  const profiles = names.map((name) => describeProfile(loadProfile(name)));
  if (json) print(JSON.stringify(profiles, null, 2));
  else print(profiles.map(text).join('\n\n'));
  return 0;
}

function text({ name, title, source, protocol, line, everyMs, values }: DescribedProfile): string {
  const width = Math.max(0, ...values.map((value) => value.name.length)) + 2;
  const rhythm = everyMs === undefined ? 'speaks by itself' : `asked every ${everyMs / 1_000} s`;
  const rows = values.map((value) => `  ${value.name.padEnd(width)}${value.unit.padEnd(8)}${value.from}`);
  return [
    `${name}: ${title}`,
    `  ${protocol}, ${line}, ${rhythm}`,
    `  source: ${source}`,
    '',
    ...(rows.length > 0 ? rows : ['  values as the instrument names them']),
  ].join('\n');
}

function check(names: readonly string[]): number {
  return Math.max(...names.map(checkOne));
}

function checkOne(nameOrPath: string): number {
  const profile = loadProfile(nameOrPath);
  const path = isProfilePath(nameOrPath) ? nameOrPath : join(PROFILES_DIRECTORY, `${nameOrPath}.yaml`);
  const replayed = replayCapture(profile, path);
  if (replayed === undefined) {
    print(`${nameOrPath}: valid; no capture beside it (${captureFiles(path).capture})`);
    return 0;
  }
  const lines = outcomeLines(replayed);
  for (const problem of replayed.problems) print(`${nameOrPath}: ${problem}`);
  if (!existsSync(captureFiles(path).expected)) {
    print(
      `${nameOrPath}: valid; its capture gives the lines below, which belong into ${captureFiles(path).expected} if they are right`,
    );
    for (const line of lines) print(line);
    return replayed.problems.length > 0 ? 1 : 0;
  }
  const expected = expectedLines(path);
  const differences = Array.from({ length: Math.max(lines.length, expected.length) }, (_, i) => i).filter(
    (i) => lines[i] !== expected[i],
  );
  for (const i of differences) {
    print(
      `${nameOrPath}: line ${i + 1}\n  expected ${expected[i] ?? 'nothing'}\n  came     ${lines[i] ?? 'nothing'}`,
    );
  }
  for (const { kind, detail } of differences.length > 0 ? replayed.faults : [])
    print(`${nameOrPath}: ${kind}: ${detail}`);
  if (differences.length > 0 || replayed.problems.length > 0) return 1;
  print(
    `${nameOrPath}: valid, and its capture gives what is expected (${replayed.readings.length} readings)`,
  );
  return 0;
}
