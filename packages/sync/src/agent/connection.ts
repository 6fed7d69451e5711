import type { AgentFrame, HubFrame } from '../frames/types.ts';
import type { RefusalCode } from '../ports.ts';
import type { Route, UplinkTuning } from '../uplink-types.ts';
import type { ReadTarget } from './read-memory.ts';

/** A way to a hub, as the uplink's session needs it: frames arrive whole and in order, or it is closed. */
export interface UplinkConnection {
  /** What was sent waits: send no more until `drained`. */
  readonly congested: boolean;
  /** The other end has a clock of its own, which the welcome and `hubTime` tell. */
  readonly hasHubClock: boolean;
  /** `send` has copied a batch's bytes before it returns, so that they may be written over then. Default false. */
  readonly copiesBatches?: boolean;
  /** What batches are to be read into, where they are not copied. Default: fresh memory for each. */
  readonly memory?: ReadTarget;
  send(frame: AgentFrame): void;
  /** Says goodbye. */
  close(code: RefusalCode, message: string): void;
  /** Goes at once, without a goodbye. */
  cut(reason: string): void;
}

/** None of these is called before the function that makes the connection has returned. */
export interface ConnectionEvents {
  open(): void;
  frame(frame: HubFrame): void;
  /** How long the way to the hub and back is now, ms. */
  roundTrip(ms: number): void;
  /** The hub's clock, half a round trip ago, ms. */
  hubTime(ms: number): void;
  /** There is room again after `congested` said that there was none. */
  drained(): void;
  /** Once, whatever the reason. */
  closed(reason: string): void;
}

/** Begins to connect. */
export type Connect = (
  url: string,
  route: Route,
  tuning: UplinkTuning,
  events: ConnectionEvents,
) => UplinkConnection;
