import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { claim } from '@edgelog/sim';
import { kafkaJars } from '../setup/kafka-jars.ts';

/** Flags with which a JVM is quick to start and small, at the price of its speed later. */
const SMALL = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xlog:disable', '-Xlog:all=error:stderr'];

let archive: string | undefined;

/** Where the classes of a node are kept as the JVM has them in memory; the path tells the JVM and the jars that it is good for. */
function archiveFile(): string {
  if (archive !== undefined) return archive;
  const libs = kafkaJars();
  const version = execFileSync('java', ['--version']);
  const name = createHash('sha256').update(version).update(libs).digest('hex').slice(0, 16);
  archive = join(dirname(libs), `classes-${name}.jsa`);
  return archive;
}

/** Flags of a JVM that starts fast: with the archive, if there is one, a node answers after 2 s instead of 5. */
export function fastJvm(): string[] {
  const file = archiveFile();
  return existsSync(file) ? [...SMALL, `-XX:SharedArchiveFile=${file}`] : SMALL;
}

/**
 * Makes the archive where there is none and nobody else is at it: `runNode` starts a node in an empty directory with the flags it is given, asks it
 * something, and ends it by SIGTERM, upon which the JVM writes what it loaded.
 */
export async function ensureArchive(
  runNode: (dir: string, flags: readonly string[]) => Promise<void>,
): Promise<void> {
  const file = archiveFile();
  if (existsSync(file) || !(await claim(basename(file)))) return;
  const dir = mkdtempSync(join(tmpdir(), 'edgelog-kafka-classes-'));
  const made = `${file}.${process.pid}`;
  try {
    await runNode(dir, [...SMALL, `-XX:ArchiveClassesAtExit=${made}`]);
    if (existsSync(made)) renameSync(made, file);
  } finally {
    rmSync(dir, { recursive: true, force: true });
    rmSync(made, { force: true });
  }
}
