import { EdgelogError } from '@edgelog/base';
import {
  type Api,
  ErrorCode,
  errorName,
  type RequestInput,
  type ResponseOutput,
  saslApis,
} from '@edgelog/wire';
import type { Sasl } from '../security.ts';
import { describeIdentity, type Exchange, mechanismOf } from './exchange.ts';

/** Sends one request on the connection that is to be authenticated. */
export type Ask = <A extends Api>(api: A, body: RequestInput<A>) => Promise<ResponseOutput<A>>;

/**
 * Shows the broker at `at` who this is, at first or anew [KIP-368]. Answers how long it believes that, milliseconds; 0 is for ever. Throws
 * AUTHENTICATION_FAILED naming mechanism, user and broker, and what `ask` throws.
 */
export async function authenticate(sasl: Sasl, exchange: Exchange, at: string, ask: Ask): Promise<number> {
  const failed = (why: string, cause?: unknown) =>
    new EdgelogError('AUTHENTICATION_FAILED', `${describeIdentity(sasl)} failed at ${at}: ${why}`, { cause });
  const { errorCode, mechanisms } = await ask(saslApis.saslHandshake, { mechanism: mechanismOf(sasl) }).catch(
    (cause) => {
      const isUnknown = cause instanceof EdgelogError && cause.code === 'UNSUPPORTED_VERSION';
      throw isUnknown ? failed('the broker speaks no SASL', cause) : cause;
    },
  );
  if (errorCode === ErrorCode.ILLEGAL_SASL_STATE)
    throw failed('this listener of the broker asks for no SASL');
  if (errorCode === ErrorCode.UNSUPPORTED_SASL_MECHANISM) {
    throw failed(`the broker takes ${mechanisms.join(', ') || 'no mechanism'} here`);
  }
  if (errorCode !== ErrorCode.NONE) throw failed(errorName(errorCode));

  let lifetimeMs = 0;
  const say = async (authBytes: Buffer): Promise<Buffer> => {
    const answer = await ask(saslApis.saslAuthenticate, { authBytes });
    if (answer.errorCode !== ErrorCode.NONE) {
      throw new EdgelogError('AUTHENTICATION_FAILED', answer.errorMessage || errorName(answer.errorCode));
    }
    lifetimeMs = answer.sessionLifetimeMs;
    return answer.authBytes;
  };
  try {
    await exchange(say);
  } catch (cause) {
    const isRefused = cause instanceof EdgelogError && cause.code === 'AUTHENTICATION_FAILED';
    throw isRefused ? failed(cause.message, cause) : cause;
  }
  return lifetimeMs;
}
