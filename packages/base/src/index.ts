export { assert } from './assert.ts';
export { type BackoffLimits, backoffMs } from './backoff.ts';
export { DueQueue } from './due-queue.ts';
export { EdgelogError, type EdgelogErrorCode } from './error.ts';
export { OutageReasons } from './outage.ts';
export { type Cancel, nodeTimers, type Timers } from './timers.ts';
export { TokenBucket, type TokenBucketOptions } from './token-bucket.ts';
