import { DEPTH_MAX, UNVERIFIED_MAX } from './limits.ts';

/** What a session has under way when it would send another batch. */
export interface UnderWay {
  /** Times of the newest records of the batches that were sent and not answered, milliseconds since the epoch. */
  readonly inFlight: readonly number[];
  /** Answered, but it is not known yet whether somebody else has the run. */
  readonly unverified: number;
  /** Time of the newest record of the last committed batch; undefined: none was in this session. */
  readonly committed: number | undefined;
  /** One batch at a time, and none before it is verified that the last is ours. */
  readonly isCautious: boolean;
  /** For how long the cluster remembers a producer after the time of its newest record; undefined: by the time of the append. */
  readonly expirationMs: number | undefined;
  readonly now: number;
}

/**
 * Whether another batch may go. Beside others only where the cluster knows the producer and will not forget it meanwhile: it then refuses
 * what follows on a batch that it did not take. A producer that it has forgotten may begin anywhere, and a hole would stay.
 */
export function hasRoom(underWay: UnderWay): boolean {
  const { inFlight, unverified, isCautious } = underWay;
  if (inFlight.length + unverified >= UNVERIFIED_MAX) return false;
  if (isCautious) return inFlight.length + unverified === 0;
  if (inFlight.length === 0) return true;
  return inFlight.length < DEPTH_MAX && isKnown(underWay) && staysKnown(underWay);
}

const isKnown = ({ committed }: UnderWay): boolean => committed !== undefined;

function staysKnown({ inFlight, committed = 0, expirationMs, now }: UnderWay): boolean {
  if (expirationMs === undefined) return true;
  const oldest = now - expirationMs / 2;
  return committed > oldest && inFlight.every((time) => time > oldest);
}
