import { getSystemErrorMessage } from 'node:util';
import {
  type Committed,
  checkBeforeOpen,
  checkSound,
  type Environment,
  onDisk,
  onFailedWrite,
} from '@edgelog/log';
import { open } from 'lmdb';
import type { DiskTable } from './table.ts';

/** Address space for the map; LMDB widens it when the table outgrows it. */
const MAP_BYTES = 64 * 1024 * 1024;

/** One commit is flushed while the next is written, and a crash opens at the last flushed one. */
const WRITE_MODE: object = { overlappingSync: true, safeRestore: true, separateFlushed: true };

/**
 * Opens a table in an LMDB file of its own, making it where there is none; after a crash at the last flushed commit. Throws
 * DATA_DIR_INVALID where the file is damaged, STORE_FAILED where there is no room for one.
 */
export function openDiskTable(path: string): DiskTable {
  checkBeforeOpen(path);
  const db = open<Buffer, Buffer>({
    path,
    noSubdir: true,
    keyEncoding: 'binary',
    encoding: 'binary',
    cache: false,
    mapSize: MAP_BYTES,
    ...WRITE_MODE,
  });
  let isFlushLost = false;
  // One write at a time: the table waits for each.
  let failWrite: (error: Error) => void = () => {};
  onFailedWrite((db as unknown as { env: Environment }).env, (status) =>
    failWrite(new Error(status > 0 ? getSystemErrorMessage(-status) : `LMDB's error ${status}`)),
  );
  return {
    get: (key) => db.getBinary(key),
    range: (start, end, limit) => db.getRange({ start, end, limit }),
    keys: (start, end) => db.getKeys({ start, end }),
    async write(rows) {
      let committed: Committed | undefined;
      for (const [key, value] of rows) {
        const done: Committed = value === undefined ? db.remove(key) : db.put(key, value);
        if (committed === undefined) committed = done;
        // A removal has a promise of its own; the first one speaks for the transaction.
        else done.catch(() => {});
      }
      if (committed === undefined) return;
      const lost = Promise.withResolvers<never>();
      failWrite = lost.reject;
      let isCommitted = false;
      void committed.then(
        () => {
          isCommitted = true;
        },
        () => {},
      );
      try {
        await Promise.race([onDisk(db, committed), lost.promise]);
      } catch (error) {
        // What the system could not flush it may have thrown away, and would call flushed the next time.
        isFlushLost ||= isCommitted;
        throw error;
      }
    },
    mayWriteAgain() {
      if (isFlushLost) return false;
      try {
        // Where it has given up on its file, LMDB fails the next write without unlocking, and the one after would wait for ever.
        checkSound(db);
        return true;
      } catch {
        return false;
      }
    },
    close: () => db.close(),
  };
}
