import type { GapReason, RefusalCode } from '../ports.ts';

/** The versions of the protocol that this code speaks, inclusive. */
export const PROTOCOL_VERSION_MIN = 1;
export const PROTOCOL_VERSION_MAX = 1;

/** First element of every frame's CBOR array. Below 16: agent to hub. */
export const FRAME_TYPE = {
  hello: 1,
  open: 2,
  batch: 3,
  gap: 4,
  close: 5,
  welcome: 16,
  opened: 17,
  ack: 18,
  credit: 19,
  gapRecorded: 20,
  refuse: 21,
} as const;

export type FrameName = keyof typeof FRAME_TYPE;

/** First frame of a connection. `time` is the gateway's clock, ms since 1970, for the hub's status page only. */
export interface HelloFrame {
  type: 'hello';
  version: number;
  gateway: string;
  instance: string;
  agentVersion: string;
  time: number;
}

/** Opens a run under a handle that the agent chooses; handles are never used twice in a session. */
export interface OpenFrame {
  type: 'open';
  handle: number;
  producerId: number;
  logId: string;
  topic: string;
  firstOffset: number;
  ackedNext: number | null;
  ackedCrc: number | null;
  sealedEnd: number;
}

/** One sealed record batch, verbatim. Decoded, `bytes` is a view of the message. */
export interface BatchFrame {
  type: 'batch';
  handle: number;
  bytes: Buffer;
}

/** Declares offsets [from, to) of a log that will never come. `id` is the agent's, answered by `gapRecorded`. */
export interface GapFrame {
  type: 'gap';
  id: number;
  logId: string;
  topic: string;
  from: number;
  to: number;
  reason: GapReason;
}

/** The agent has no more to say about this handle. What is in flight is still committed and acknowledged. */
export interface CloseFrame {
  type: 'close';
  handle: number;
}

/** The hub takes the session. `time`: the hub's clock, ms. `credit` (bytes) is never below `maxFrameBytes`. */
export interface WelcomeFrame {
  type: 'welcome';
  version: number;
  hubId: string;
  time: number;
  credit: number;
  maxFrameBytes: number;
}

/** The hub's committed position of the run, null where it holds no batch of it. */
export interface OpenedFrame {
  type: 'opened';
  handle: number;
  partition: number;
  next: number | null;
  crc: number | null;
}

/** Everything of the run below `next` is committed; `crc` is that of the batch which ends there. */
export interface AckFrame {
  type: 'ack';
  handle: number;
  next: number;
  crc: number;
}

/** So many more batch bytes may be sent. */
export interface CreditFrame {
  type: 'credit';
  bytes: number;
}

export interface GapRecordedFrame {
  type: 'gapRecorded';
  id: number;
}

/** With a handle: that stream only. With null: the whole session, and the connection closes. */
export interface RefuseFrame {
  type: 'refuse';
  code: RefusalCode;
  message: string;
  handle: number | null;
}

export type AgentFrame = HelloFrame | OpenFrame | BatchFrame | GapFrame | CloseFrame;
export type HubFrame = WelcomeFrame | OpenedFrame | AckFrame | CreditFrame | GapRecordedFrame | RefuseFrame;
export type Frame = AgentFrame | HubFrame;
