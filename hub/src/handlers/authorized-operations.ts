/** Kafka's numbers for operations. */
const READ = 3;
const WRITE = 4;
const CREATE = 5;
const DELETE = 6;
const ALTER = 7;
const DESCRIBE = 8;
const CLUSTER_ACTION = 9;
const DESCRIBE_CONFIGS = 10;
const ALTER_CONFIGS = 11;
const IDEMPOTENT_WRITE = 12;

const bitsOf = (...operations: number[]) =>
  operations.reduce((bits, operation) => bits | (1 << operation), 0);

/**
 * What a client may do, a bit per operation [KIP-430]: without ACLs everything that the kind of resource has, as Kafka
 * answers where no authorizer is set.
 */
export const TOPIC_OPERATIONS = bitsOf(
  READ,
  WRITE,
  CREATE,
  DELETE,
  ALTER,
  DESCRIBE,
  DESCRIBE_CONFIGS,
  ALTER_CONFIGS,
);
export const CLUSTER_OPERATIONS = bitsOf(
  CREATE,
  ALTER,
  DESCRIBE,
  CLUSTER_ACTION,
  DESCRIBE_CONFIGS,
  ALTER_CONFIGS,
  IDEMPOTENT_WRITE,
);
