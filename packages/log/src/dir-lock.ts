import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { EdgelogError } from '@edgelog/base';

const LOCK_FILE = 'LOCK';
/** Empty; SQLite locks it. */
const LOCK_DATABASE = 'LOCK.db';
/** SQLite's code for what another process has locked. */
const SQLITE_BUSY = 5;

/** Whether a file of a data directory belongs to its lock. */
export function isOfLock(name: string): boolean {
  return name === LOCK_FILE || name === LOCK_DATABASE;
}

/** Held while a process has the directory open. */
export interface DirLock {
  release(): Promise<void>;
}

/**
 * Takes the directory for this process; EdgelogError DATA_DIR_IN_USE when another store (of this process, too) has it.
 * On Linux the lock is an abstract socket named after the directory's device and inode: taking it is atomic, and the
 * kernel frees it at death whatever the cause. Such names are one container's own [network_namespaces(7)], so a file is locked
 * beside it, which holds for all that share a volume, where the file system knows locks; the kernel frees that as well.
 * Elsewhere it is a file with the holder's pid, checked for life; written on Linux too, so that the error can name the holder.
 */
export async function lockDir(dir: string): Promise<DirLock> {
  return process.platform === 'linux' ? lockBySocket(dir) : lockByFile(dir);
}

async function lockBySocket(dir: string): Promise<DirLock> {
  const { dev, ino } = statSync(dir, { bigint: true });
  const server = createServer();
  await listen(server, `\0edgelog-log-${dev}-${ino}`).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') throw inUse(dir);
    throw error;
  });
  server.unref();
  const freeSocket = () => new Promise<void>((resolve) => server.close(() => resolve()));
  let database: DatabaseSync | undefined;
  try {
    database = lockDatabase(dir);
  } catch (error) {
    await freeSocket();
    throw error;
  }
  try {
    writeFileSync(join(dir, LOCK_FILE), `${process.pid}\n`);
  } catch {
    // The name is a help; on a full disk it is missing, and the lock is held all the same.
  }
  return {
    release: () => {
      database?.close();
      return freeSocket();
    },
  };
}

/**
 * Node itself locks no files, its SQLite does (fcntl). Throws DATA_DIR_IN_USE. Undefined where nothing can be locked, on a full disk or
 * a file system without locks: the socket is held all the same.
 */
function lockDatabase(dir: string): DatabaseSync | undefined {
  // Loaded here, so that programs without a data directory do not.
  const sqlite = process.getBuiltinModule('node:sqlite');
  let database: DatabaseSync | undefined;
  try {
    database = new sqlite.DatabaseSync(join(dir, LOCK_DATABASE));
    // So that no file of a journal lies beside it; Node's SQLite is a defensive one and takes no OFF.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    if ((error as { errcode?: unknown }).errcode !== SQLITE_BUSY) return undefined;
    throw new EdgelogError(
      'DATA_DIR_IN_USE',
      `data directory ${dir} is in use by a process of another container that has it, too`,
    );
  }
}

export async function lockByFile(dir: string): Promise<DirLock> {
  const holder = holderOf(dir);
  if (holder !== undefined && isAlive(holder)) throw inUse(dir);
  writeFileSync(join(dir, LOCK_FILE), `${process.pid}\n`);
  return { release: async () => writeFileSync(join(dir, LOCK_FILE), '') };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function inUse(dir: string): EdgelogError {
  const holder = holderOf(dir);
  return new EdgelogError(
    'DATA_DIR_IN_USE',
    `data directory ${dir} is in use${holder === undefined ? '' : ` by process ${holder}`}`,
  );
}

function holderOf(dir: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(dir, LOCK_FILE), 'utf8').trim());
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
