import { type ApiName, apis } from '@edgelog/wire';
import type { Peer } from './peer.ts';

/** Notes what a broker did, to be compared with what the other one did under the same label. */
export type See = (label: string, observed: unknown) => void;

export type Deliberate = readonly [labels: RegExp, reason: string];

export interface Scenario {
  readonly name: string;
  /** The same requests to either broker. Names of topics and groups begin with `peer.prefix`. */
  run(peer: Peer, see: See): Promise<void>;
  /** Which labels differ on purpose, and why. One that matches no difference is out of date. */
  readonly deliberate?: readonly Deliberate[];
}

/** Every version of an API that a client may be told of and is answered in. */
export function versionsOf(name: ApiName, from = 0): number[] {
  const [min, max] = apis[name].versions;
  return Array.from({ length: max - min + 1 }, (_, i) => min + i).filter((version) => version >= from);
}
