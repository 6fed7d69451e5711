import type { BatchFrame, CloseFrame, GapFrame, HelloFrame, HubFrame, OpenFrame } from '../frames/types.ts';
import type { DivergenceReason, Gap, Position, RefusalCode, RunInfo } from '../ports.ts';

export type HubEvent =
  | HelloFrame
  | OpenFrame
  | BatchFrame
  | GapFrame
  | CloseFrame
  /** The registry's answer to `register`. */
  | { type: 'admitted' }
  /** Answer to `openRun`. */
  | { type: 'runOpened'; handle: number; partition: number; position: Position | undefined }
  | { type: 'runRefused'; handle: number; code: RefusalCode; message: string }
  /** The store would not take the batch just handed to it. */
  | { type: 'appendRefused'; handle: number; code: RefusalCode; message: string }
  /** Everything of this handle up to the position is below the high watermark. */
  | { type: 'committed'; handle: number; position: Position }
  /** Whether what was appended is ever committed will not be known here: what is in flight of this handle has to be looked for anew. */
  | { type: 'commitRefused'; handle: number; code: RefusalCode; message: string }
  | { type: 'gapDone'; id: number }
  /** A commit, an opening or a gap failed in the store. */
  | { type: 'storeFailed'; message: string }
  /** The turn is over: acknowledgements and credit of the turn go out, one frame each. */
  | { type: 'flush' }
  /** The hub ends the session: a newer connection took over, a duplicate was refused, it shuts down. */
  | { type: 'dismiss'; code: RefusalCode; message: string }
  | { type: 'disconnected' };

type HubEventMap = { [E in HubEvent as E['type']]: E };
export type HubEventName = keyof HubEventMap;
export type HubEventOf<N extends HubEventName> = HubEventMap[N];

export type HubEffect =
  | { type: 'send'; frame: HubFrame }
  /** Ask the registry; answer with `admitted` or `dismiss`, perhaps later. */
  | { type: 'register'; gateway: string; instance: string }
  | { type: 'openRun'; handle: number; run: RunInfo; acked: Position | undefined }
  /** Append now; `appendRefused` in the same turn, or `committed` or `commitRefused` later. */
  | { type: 'append'; handle: number; producerId: number; batch: Buffer }
  | { type: 'recordGap'; id: number; gap: Gap }
  | { type: 'divergence'; run: RunInfo; reason: DivergenceReason; position: Position | undefined }
  | { type: 'report'; level: 'info' | 'warn' | 'error'; event: string; fields: Record<string, unknown> }
  | { type: 'end'; code: RefusalCode; message: string };
