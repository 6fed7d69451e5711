import type { Agent } from 'node:http';
import type { Connect } from './agent/connection.ts';
import type { SyncLog } from './log.ts';
import type { AgentPort, DivergenceReason, RefusalCode } from './ports.ts';
import type { UploadWindows } from './upload-windows.ts';

/** How much may be sent, and when. */
export interface UplinkLimits {
  /** Cap on the bytes of batches; acknowledgements, pings and openings do not count. Default: none. */
  maxBytesPerSecond?: number | undefined;
  /** When batches may be sent; outside only those of streams whose priority is `urgentPriority` or more. Default: always. */
  windows?: { allowed: UploadWindows; urgentPriority: number } | undefined;
}

export interface UplinkOptions extends UplinkLimits {
  /** ws:// or wss:// unless there is `connect`, of one hub or of several brokers; tried in turn, in an order drawn at the start. */
  urls: readonly string[];
  port: AgentPort;
  log: SyncLog;
  /** Start disconnected, as after `setPaused(true)`. Default false. */
  paused?: boolean;
  /** A hub took the session. */
  onWelcome?: (hub: { hubId: string }) => void;
  /** The hub's clock half of `roundTripMs` ago: before each welcome, and every `hubTimeEveryMs` while the session lasts. */
  onHubTime?: (hubTimeMs: number, roundTripMs: number) => void;
  /** The hub refuses this gateway, or does no more. */
  onRefusal?: (refusal: { code: RefusalCode; message: string } | undefined) => void;
  /** What time it is for the windows, ms since 1970. Default: the system's clock, which may never have been set. */
  nowMs?: (() => number) | undefined;
  /** Asked before each connection how it is made. Throws EdgelogError where it cannot be; it is asked again then. Default: directly. */
  route?: (url: string) => Route;
  /** Makes connections in the place of WebSockets; the URLs are its own affair then. */
  connect?: Connect | undefined;
  tuning?: Partial<UplinkTuning>;
}

/** How a hub is reached. */
export interface Route {
  /** Makes the connection, through a proxy for instance. */
  agent?: Agent | undefined;
  /** PEM, for wss://: authorities in the place of the system's, this gateway's certificate and its key. */
  ca?: Buffer | undefined;
  cert?: Buffer | undefined;
  key?: Buffer | undefined;
  /** The proxy, for people. */
  via?: string | undefined;
}

export interface UplinkTuning {
  /** First wait after a failed connection; doubles up to `backoffMaxMs`, with jitter. Default 250. */
  backoffMinMs: number;
  /** Default 10,000: a hub that comes back after a long time away is found within that. */
  backoffMaxMs: number;
  /** Least wait after the hub refused this gateway (a clone, a version it cannot speak). Default 60,000. */
  refusedBackoffMs: number;
  /** Default 10,000; where there are other URLs to try less, in the first rounds. */
  connectTimeoutMs: number;
  /** The connection is dead after `missedPingsMax` intervals of silence. Default 5,000, which is as often as a hub pings. */
  pingIntervalMs: number;
  /** Default 2. */
  missedPingsMax: number;
  /** Bytes asked of `UplinkStream.read` at a time. Default 256 KiB. */
  readWindowBytes: number;
  /** Bytes read and sent before the event loop gets its turn. Default 512 KiB. */
  turnBytes: number;
  /** No more is read while the socket holds this much. Default 1 MiB. */
  bufferedBytesMax: number;
  /** Default 8 MiB. */
  maxFrameBytes: number;
  /**
   * A hub that can take none of the streams for so long, or up to twice as long, is left for the next URL, if there is one: it may be
   * cut off from the others. Default 5,000.
   */
  moveAfterMs: number;
  /** How long a stream that the hub refuses stays away before it is tried again. Default 60,000. */
  refusedRetryMs: number;
  /** Default 600,000. */
  hubTimeEveryMs: number;
}

/** `refused`: the hub said no to this gateway, waiting long. */
export type UplinkState = 'paused' | 'connecting' | 'greeting' | 'live' | 'waiting' | 'refused' | 'stopped';

export interface UplinkStatus {
  state: UplinkState;
  /** When `state` was entered, ms. */
  since: number;
  url: string | undefined;
  hubId: string | undefined;
  lastError: string | undefined;
  /** Set while the hub refuses this gateway. */
  refusal: { code: RefusalCode; message: string } | undefined;
  /** Hub clock − own clock when the hub last told its time, ms. */
  hubClockOffsetMs: number | undefined;
  /** The way to the hub and back, at the last ping, ms. */
  roundTripMs: number | undefined;
  lastAckAt: number | undefined;
  /** From sending a batch to its acknowledgement, the least of this session, ms. */
  ackMs: number | undefined;
  /** More is waiting than may be sent now: for the link, the credit or the cap. */
  isCongested: boolean;
  maxBytesPerSecond: number | undefined;
  /** Undefined where there are no upload windows. `changesAt`: when it opens or closes next. */
  window: { isOpen: boolean; changesAt: number | undefined; urgentPriority: number } | undefined;
  /** The proxy on the way, without credentials. */
  via: string | undefined;
  inFlightBytes: number;
  creditBytes: number;
  sentBatches: number;
  sentBytes: number;
  ackedBatches: number;
  ackedBytes: number;
  connections: number;
  divergences: { topic: string; logId: string; reason: DivergenceReason; at: number }[];
  streams: UplinkStreamStatus[];
}

export interface UplinkStreamStatus {
  topic: string;
  logId: string;
  producerId: number;
  state: 'opening' | 'comparing' | 'flowing' | 'restarting' | 'waiting' | 'refused';
  partition: number | undefined;
  priority: number;
  isBacklog: boolean;
  /** Nothing of it travels any more: it is only compared. */
  ended: boolean;
  /** The run's offsets: where it begins, where it stands at the hub, one past what is sealed. */
  firstOffset: number;
  ackedNext: number;
  sealedEnd: number;
  /** One past the last offset sent in this session. */
  sentNext: number;
  inFlightBytes: number;
  /** Why it waits or was refused. */
  reason: string | undefined;
}

export interface Uplink {
  /** New sealed data, a new stream, a new run or a new gap exists. Cheap; call it as often as you like. */
  notify(): void;
  /** Cuts the uplink (closes the connection and stays away) or lets it connect again. */
  setPaused(paused: boolean): void;
  /** In the place of those before, at once; a session goes on. */
  setLimits(limits: UplinkLimits): void;
  status(): UplinkStatus;
  /** Whether what has this priority may travel now: a session is live, and no upload window keeps it back. Cheap. */
  isOpenFor(priority: number): boolean;
  /** Whether fresh data of this priority would have to wait as well: all that waits now may be of a lower rank. Cheap. */
  isCongestedFor(priority: number): boolean;
  /** Closes the connection; nothing of the port is called afterwards. */
  stop(): Promise<void>;
}
