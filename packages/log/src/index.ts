export { StoredDamageError } from './damage.ts';
export { decodeProducers, encodeProducers } from './producer-snapshot.ts';
export { isCommitFailure } from './segment.ts';
export { openLogStore } from './store.ts';
export type * from './types.ts';
