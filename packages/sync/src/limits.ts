/** Largest WebSocket message, both ways. */
export const MAX_FRAME_BYTES = 8 * 1024 * 1024;
/** Largest frame that is not a batch. */
export const MAX_CONTROL_FRAME_BYTES = 64 * 1024;
/** What a batch frame adds to the batch: array head, type, handle (≤ 5), byte string head (5). */
export const BATCH_FRAME_OVERHEAD_BYTES = 16;
/** Batch bytes that a session may have in flight. */
export const SESSION_CREDIT_BYTES = 8 * 1024 * 1024;
/** Batch bytes of all sessions that are not committed; above it agents are read in turn. */
export const INTAKE_BYTES = 256 * 1024 * 1024;
/** Streams that one session may have open at a time. */
export const MAX_STREAMS_PER_SESSION = 10_000;
/** Longest gateway name, instance, version, log id. */
export const MAX_NAME_CHARS = 256;
/** Beyond what Kafka allows: a topic name that is too long is for the hub to refuse by stream. */
export const MAX_TOPIC_CHARS = 1024;
