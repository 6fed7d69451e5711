/** Every operating fault that Edgelog reports. Kafka error codes are values in responses, bugs are `assert`. */
export type EdgelogErrorCode =
  | 'CONFIG_INVALID' // a flag, variable or file entry: the message names key, value and what is allowed
  | 'ADDRESS_IN_USE'
  | 'DATA_DIR_IN_USE'
  | 'DATA_DIR_INVALID'
  | 'STORE_FAILED' // I/O error on write or flush: fatal for the store that met it
  | 'STORE_CLOSED'
  | 'CORRUPT_BATCH' // bytes at rest or received that fail CRC or structure
  | 'CORRUPT_FRAME' // a protocol frame that cannot be parsed
  | 'UNSUPPORTED_VERSION'
  | 'LIMIT_EXCEEDED'
  | 'DISK_FULL' // nothing more is taken until room was made
  | 'REFUSED' // the other side said no, with a reason
  | 'AUTHENTICATION_FAILED' // the other side does not believe who this is, or cannot show who it is itself
  | 'CONNECTION_LOST'
  | 'TIMEOUT';

/** An operating fault. `message` says what was wrong and where; `cause` holds the error below it. */
export class EdgelogError extends Error {
  override readonly name = 'EdgelogError';
  readonly code: EdgelogErrorCode;

  constructor(code: EdgelogErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
