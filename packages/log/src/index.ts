export { StoredDamageError } from './damage.ts';
export { openLogStore } from './store.ts';
export type * from './types.ts';
