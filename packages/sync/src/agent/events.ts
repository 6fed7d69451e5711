import type {
  AckFrame,
  AgentFrame,
  CreditFrame,
  GapRecordedFrame,
  OpenedFrame,
  RefuseFrame,
  WelcomeFrame,
} from '../frames/types.ts';
import type { Gap, NewRunReason, Position, RefusalCode, RefusedBatch, RunInfo } from '../ports.ts';
import type { LocalFacts } from '../resume.ts';

/** What the port says about a run: new to the session, or grown. */
export interface StreamEvent {
  type: 'stream';
  run: RunInfo;
  acked: Position | undefined;
  sealedEndOffset: number;
  ended: boolean;
  priority: number;
  isBacklog: boolean;
}

export type AgentEvent =
  /** `time` is the wall clock's, for the hub to see. */
  | { type: 'connected'; time: number }
  | WelcomeFrame
  | OpenedFrame
  | AckFrame
  | CreditFrame
  | GapRecordedFrame
  | RefuseFrame
  | StreamEvent
  /** The port has this run no more: it was replaced, or is finished. */
  | { type: 'gone'; producerId: number }
  | { type: 'gap'; gap: Gap }
  /** Answer to `locate`. */
  | { type: 'located'; producerId: number; local: LocalFacts }
  /** Answer to `startNewRun` and `setAside`. When it succeeded and the run is gone nothing is left to do. */
  | { type: 'restarted'; producerId: number; error: string | undefined }
  /** The socket takes more: `maxBytes` is how much may be read now, of streams of `leastPriority` and above. */
  | { type: 'ready'; maxBytes: number; leastPriority: number }
  /** Answer to `read`: whole batches from the offset that was asked for, or why there are none. */
  | { type: 'batches'; producerId: number; batches: Buffer[] | { problem: string } }
  /** Time passed: streams that wait may be due. */
  | { type: 'tick' }
  | { type: 'disconnected' };

type AgentEventMap = { [E in AgentEvent as E['type']]: E };
export type AgentEventName = keyof AgentEventMap;
export type AgentEventOf<N extends AgentEventName> = AgentEventMap[N];

/** `soon`: the usual backoff. `late`: the hub does not want this gateway. */
export type Retry = 'soon' | 'late';

export type AgentEffect =
  | { type: 'send'; frame: AgentFrame }
  /** Look up what the disk says; answer with `located` in the same turn. */
  | { type: 'locate'; producerId: number; hub: Position | undefined }
  /** Read from the port; answer with `batches` in the same turn. */
  | { type: 'read'; producerId: number; offset: number; maxBytes: number }
  | { type: 'acknowledge'; producerId: number; position: Position }
  | { type: 'startNewRun'; producerId: number; reason: NewRunReason; hub: Position | undefined }
  | { type: 'setAside'; producerId: number; refused: RefusedBatch; hub: Position | undefined }
  /** Nothing is in flight, and what comes next could not be read. */
  | { type: 'unreadable'; producerId: number; offset: number; hub: Position | undefined }
  | { type: 'refused'; producerId: number; code: RefusalCode; message: string }
  | { type: 'gapConfirmed'; gap: Gap }
  | { type: 'welcomed'; hubId: string; time: number }
  | { type: 'report'; level: 'info' | 'warn' | 'error'; event: string; fields: Record<string, unknown> }
  /** Close the connection. `code`: why, where the hub or this side named a reason. */
  | { type: 'end'; retry: Retry; code: RefusalCode; message: string };
