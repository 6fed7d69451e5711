export { StoredDamageError } from './damage.ts';
export { checkSound, type Environment, onFailedWrite } from './lmdb-failure.ts';
export { checkBeforeOpen } from './lmdb-file.ts';
export { decodeProducers, encodeProducers } from './producer-snapshot.ts';
export { type Committed, isCommitFailure, onDisk } from './segment.ts';
export { openLogStore } from './store.ts';
export type * from './types.ts';
