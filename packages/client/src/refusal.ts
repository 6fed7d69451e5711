import { EdgelogError } from '@edgelog/base';
import { ErrorCode, type ErrorName, errorCodes, errorName } from '@edgelog/wire';

/** A broker said no: REFUSED, with Kafka's code. */
export class KafkaRefusal extends EdgelogError {
  readonly errorCode: number;

  constructor(errorCode: number, message: string) {
    super('REFUSED', message);
    this.errorCode = errorCode;
  }

  get errorName(): ErrorName {
    return errorName(this.errorCode);
  }
}

/** What answers at the addresses of a cluster is another one: REFUSED. */
export class AnotherCluster extends EdgelogError {
  constructor(found: string, before: string) {
    super('REFUSED', `what answers is cluster ${found}, and was cluster ${before} before`);
  }
}

/** `what` names what was asked for; `message` is the broker's own explanation, Kafka's meaning of the code otherwise. */
export function refusal(errorCode: number, what: string, message?: string | null): KafkaRefusal {
  const name = errorName(errorCode);
  return new KafkaRefusal(errorCode, `${what}: ${name} (${message ?? errorCodes[name].message})`);
}

/** Throws the refusal, unless there is none. */
export function check(errorCode: number, what: string, message?: string | null): void {
  if (errorCode !== ErrorCode.NONE) throw refusal(errorCode, what, message);
}

/** Whether Kafka's own clients would try again after this code. */
export function isRetriable(errorCode: number): boolean {
  return errorCodes[errorName(errorCode)].retriable;
}

/** Whether the same may go well later without anybody doing anything: no connection, no answer in time, a retriable refusal. */
export function isPassing(error: unknown): boolean {
  if (error instanceof KafkaRefusal) return isRetriable(error.errorCode);
  return error instanceof EdgelogError && (error.code === 'CONNECTION_LOST' || error.code === 'TIMEOUT');
}

/** Whether somebody has to mend it: brokers do not take the credentials, or speak TLS where this side does not, or the other way round. */
export function isTurnedAway(error: unknown): boolean {
  if (!(error instanceof EdgelogError)) return false;
  return error.code === 'AUTHENTICATION_FAILED' || error.code === 'CONFIG_INVALID';
}
