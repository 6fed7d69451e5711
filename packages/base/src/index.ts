export { assert } from './assert.ts';
export { EdgelogError, type EdgelogErrorCode } from './error.ts';
