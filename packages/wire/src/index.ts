export * from './batch/index.ts';
export * from './compression/index.ts';
export * from './crc32c.ts';
export * from './protocol.ts';
export * from './topic-name.ts';
