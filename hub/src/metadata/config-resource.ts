/** Kafka's numbers for what has a configuration. */
export const ConfigResource = { topic: 2, broker: 4 } as const;
