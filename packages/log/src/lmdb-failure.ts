import type { Database } from 'lmdb';

/** What lmdb-js writes through: `done` is told how it went, several times; above `CALLED_BACK` it is the number of an error. */
export interface Environment {
  readonly startWriting: (address: number, done: (status: number) => unknown) => unknown;
}
const CALLED_BACK = 2;
const ANY_KEY = Buffer.of(0);

/**
 * Has `fail` called with the number of the error when a transaction cannot be written. Where only the flush fails, after the
 * commit, lmdb-js prints the error and answers nobody any more: seen on a disk that had become full.
 */
export function onFailedWrite(env: Environment, fail: (status: number) => void): void {
  const startWriting = env.startWriting.bind(env);
  Object.defineProperty(env, 'startWriting', {
    value: (address: number, done: (status: number) => unknown) =>
      startWriting(address, (status) => {
        const answer = done(status);
        // A failed commit is told to whoever waits for it as well, with more to say: that comes first.
        if (status > CALLED_BACK || status < 0) setImmediate(() => fail(status));
        return answer;
      }),
  });
}

/**
 * Throws when LMDB has given up on its file. It answers a commit with success though it could not write the page that says that the commit is
 * flushed: after a restart it would be gone. All but that answer tells of it, even the beginning of a read.
 */
export function checkSound(db: Database<Buffer, Buffer>): void {
  db.resetReadTxn();
  db.doesExist(ANY_KEY);
}
