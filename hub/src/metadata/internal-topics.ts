/** Kafka's own topics: served to readers, closed to everyone else's appends and deletions. */
export const OFFSETS_TOPIC = '__consumer_offsets';
export const INTERNAL_TOPICS: ReadonlySet<string> = new Set([OFFSETS_TOPIC, '__transaction_state']);

/** Where a Kafka cluster keeps its metadata; a hub has its own way. */
export const METADATA_TOPIC = '__cluster_metadata';
