import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { didYouMean } from '@edgelog/runtime';
import { type ConfigFile, readConfigFile } from '@edgelog/runtime/settings-file.ts';
import type { z } from 'zod';
import { type Profile, profileSchema } from './schema.ts';

/** Where the profiles that come with Edgelog are; captures lie beside them. */
export const PROFILES_DIRECTORY = join(import.meta.dirname, '../../profiles');

const PROFILE_FILE = /^([a-z0-9][a-z0-9-]*)\.yaml$/;

/** Names of the profiles that come with Edgelog. */
export function profileNames(): string[] {
  return readdirSync(PROFILES_DIRECTORY)
    .flatMap((file) => PROFILE_FILE.exec(file)?.[1] ?? [])
    .toSorted();
}

/** Whether the text is the path of a file, not the name of a profile. */
export function isProfilePath(nameOrPath: string): boolean {
  return nameOrPath.includes('/') || /\.ya?ml$/.test(nameOrPath);
}

/**
 * A profile by its name, or by the path of a YAML file (ending in `.yaml`, or with a `/`). Throws CONFIG_INVALID that names each wrong
 * key with file and line, and what is allowed.
 */
export function loadProfile(nameOrPath: string): Profile {
  const isPath = isProfilePath(nameOrPath);
  const path = isPath ? nameOrPath : join(PROFILES_DIRECTORY, `${nameOrPath}.yaml`);
  if (!existsSync(path)) {
    const hint = isPath
      ? ''
      : didYouMean(nameOrPath, profileNames()) || ` (known: ${profileNames().join(', ')})`;
    throw new EdgelogError('CONFIG_INVALID', `there is no profile ${JSON.stringify(nameOrPath)}${hint}`);
  }
  const file = readConfigFile(path);
  const parsed = profileSchema.safeParse(file.value);
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) => describe(issue, file));
    throw new EdgelogError(
      'CONFIG_INVALID',
      `profile ${nameOrPath} is not valid:\n  ${problems.join('\n  ')}`,
    );
  }
  return { ...parsed.data, name: basename(path).replace(/\.ya?ml$/, '') };
}

function describe(issue: z.core.$ZodIssue, file: ConfigFile): string[] {
  const at = (path: readonly PropertyKey[]) => `${file.locate(path)}: ${path.join('.')}`;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${at([...issue.path, key])} is not a known key`);
  }
  const message = issue.message.replace(/^Invalid (?:input|option): /, '');
  return [`${at(issue.path)} ${message}`.trim()];
}
