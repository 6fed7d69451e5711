import { EdgelogError } from '@edgelog/base';
import type { Uplink, UplinkOptions } from './uplink-types.ts';

/** Keeps one session with a hub, for ever: connects, resumes, sends, reconnects. */
export function startUplink(_options: UplinkOptions): Uplink {
  throw new EdgelogError('REFUSED', 'the uplink is not there yet');
}
