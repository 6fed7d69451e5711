import type { SyncLog } from './log.ts';
import type { DivergenceReason, HubPort, RefusalCode } from './ports.ts';

export interface SyncServerOptions {
  host: string;
  /** 0 takes any free one. */
  port: number;
  hub: HubPort;
  log: SyncLog;
  /** Where there are other brokers that the same agents may connect to. */
  directory?: GatewayDirectory;
  tuning?: Partial<SyncServerTuning>;
}

/** Who asks for a gateway's name. */
export interface NameClaim {
  instance: string;
  /** Its address, for messages. */
  remote: string;
}

/** Who has which gateway's name, at all brokers of a hub. */
export interface GatewayDirectory {
  /** An instance here asks for a name that nobody here has. Resolves with undefined when it may have it, else with why it may not. */
  claim(gateway: string, claim: NameClaim): Promise<string | undefined>;
  /** It is here no more. */
  release(gateway: string, instance: string): void;
}

export interface SyncServerTuning {
  /** Batch bytes a session may have in flight; not below `maxFrameBytes`. Default 8 MiB. */
  creditBytes: number;
  /** Default 8 MiB. */
  maxFrameBytes: number;
  /** Batch bytes of all sessions not committed yet, above which agents are read in turn. Default 256 MiB. */
  intakeBytes: number;
  /** From TCP accept to the end of `hello`. Default 10,000. */
  handshakeTimeoutMs: number;
  /** Default 5,000. */
  pingIntervalMs: number;
  /** Default 2. */
  missedPingsMax: number;
  /** How long the present holder of a gateway's name has to answer when another instance turns up. Default 5,000. */
  probeTimeoutMs: number;
  /** Default 20,000: an agent whose former connection is not known to be dead counts twice. */
  connectionsMax: number;
}

export interface GatewayStatus {
  gateway: string;
  /** `probing`: another instance asks for the name, and this one has yet to answer. */
  state: 'live' | 'probing';
  instance: string;
  agentVersion: string;
  remote: string;
  connectedAt: number;
  lastSeenAt: number;
  /** Gateway clock − hub clock at hello, ms. */
  clockOffsetMs: number;
  creditBytes: number;
  uncommittedBytes: number;
  receivedBatches: number;
  receivedBytes: number;
  streams: GatewayStreamStatus[];
}

export interface GatewayStreamStatus {
  topic: string;
  logId: string;
  producerId: number;
  partition: number | undefined;
  state: 'opening' | 'open' | 'diverged' | 'refused' | 'closed';
  /** One past the last edge offset received. */
  receivedNext: number;
  committedNext: number | undefined;
  /** One past the last edge offset that the agent had when it opened the stream. */
  sealedEndAtOpen: number;
  divergence: DivergenceReason | undefined;
  refusal: { code: RefusalCode; message: string } | undefined;
}

/** Two live processes claim one gateway name: a cloned card, or one name given twice. */
export interface DuplicateGateway {
  gateway: string;
  holder: { instance: string; remote: string };
  refused: { instance: string; remote: string };
  firstAt: number;
  lastAt: number;
  count: number;
}

export interface SyncServerStatus {
  connections: number;
  gateways: GatewayStatus[];
  duplicates: DuplicateGateway[];
  /** Connections that never became a session, by cause. */
  rejected: {
    http: number;
    garbage: number;
    handshakeTimeout: number;
    oversize: number;
    badFrame: number;
    refused: number;
  };
}

export interface SyncServer {
  readonly port: number;
  status(): SyncServerStatus;
  /**
   * An instance at another broker asks for the name. Resolves with undefined when nobody here has it (any more), else with why not: as
   * for a newcomer here, whoever has it is asked for a sign of life.
   */
  challenge(gateway: string, claim: NameClaim): Promise<string | undefined>;
  /** Ends the session of this instance, if it is here. */
  dismiss(gateway: string, instance: string, code: RefusalCode, message: string): void;
  /** Sends every agent elsewhere, spread over some seconds, and takes no more; resolves when all are told. */
  drain(): Promise<void>;
  /** Tells every agent `shutting-down`, closes and waits for what is in flight. */
  close(): Promise<void>;
}
