import { EdgelogError } from '@edgelog/base';
import { isPassing } from '@edgelog/client';

/** What passes by itself is CONNECTION_LOST, though a broker said it; REFUSED is left for what somebody has to mend. */
export async function asking<T>(answer: Promise<T> | (() => Promise<T>)): Promise<T> {
  try {
    return await (typeof answer === 'function' ? answer() : answer);
  } catch (error) {
    if (error instanceof EdgelogError && error.code === 'REFUSED' && isPassing(error)) {
      throw new EdgelogError('CONNECTION_LOST', error.message, { cause: error });
    }
    throw error;
  }
}
