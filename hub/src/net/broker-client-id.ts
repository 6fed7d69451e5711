/** What brokers call themselves when they connect to each other, before their id. */
export const BROKER_CLIENT_ID = 'edgelog-broker-';
