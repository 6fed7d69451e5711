import {
  type Alarms,
  currentRun,
  type Disk,
  type GatewayClock,
  type Stream,
  type StreamSet,
  type WearMeter,
} from '@edgelog/edge';
import type { LogStore } from '@edgelog/log';
import type { UplinkStreamStatus } from '@edgelog/sync';
import type { RoutedIngest } from './ingest/index.ts';
import type { MqttAccess } from './mqtt/access/index.ts';
import type { MqttBroker } from './mqtt/broker.ts';
import type { MqttCounters } from './mqtt/counters.ts';
import type { SerialLines } from './serial/serial-lines.ts';
import type { SourcesSeen } from './sources-seen.ts';
import type { Subscription } from './subscription/index.ts';
import type { SetAside } from './uplink/set-aside.ts';
import type { AgentUplink } from './uplink/start.ts';

/** What /status says of one stream. Offsets are edge offsets. */
export interface StreamStatus {
  topic: string;
  /** At the hub; null until one has told. */
  partition: number | null;
  logId: string;
  run: { producerId: number; firstOffset: number };
  logStartOffset: number;
  /** One past the newest reading, sealed or not. */
  endOffset: number;
  /** One past the newest sealed reading. */
  sealedOffset: number;
  ackedOffset: number;
  lagRecords: number;
  /** Stored bytes of sealed batches, and encoded bytes of what is not sealed yet. */
  lagBytes: number;
  /** Age of the oldest reading that no hub has acknowledged; 0 when there is none. */
  oldestUnackedMs: number;
  uplink: UplinkStreamStatus['state'] | null;
  /** Its runs under way, oldest first: a backlog and what is fresh beside it, each in its order. */
  lanes: LaneStatus[];
}

export interface LaneStatus {
  producerId: number;
  firstOffset: number;
  ackedOffset: number;
  sealedOffset: number;
  isBacklog: boolean;
  priority: number;
  inFlightBytes: number;
  state: UplinkStreamStatus['state'];
  reason: string | null;
}

export interface AgentParts {
  gateway: string;
  version: string;
  instance: string;
  store: LogStore;
  streams: StreamSet;
  setAside: SetAside;
  disk: Disk;
  wear: WearMeter;
  alarms: Alarms;
  uplink: AgentUplink;
  mqtt: MqttBroker;
  access: MqttAccess;
  mqttCounters: MqttCounters;
  serial: SerialLines;
  subscriptions: readonly Subscription[];
  clock: GatewayClock;
  ingest: RoutedIngest;
  sources: SourcesSeen;
  now: () => number;
}

/** Acknowledgements that stand still for this long while the uplink is live and there is something to send. */
const STALLED_MS = 60_000;

/** `remote`: what the uplink's session says of all streams. */
export function streamStatus(
  stream: Stream,
  remote: readonly UplinkStreamStatus[],
  now: number,
): StreamStatus {
  const { edge, uplink, state } = stream;
  const { ackedOffset } = uplink;
  const { endOffset } = edge;
  const { producerId, firstOffset } = currentRun(state);
  const runs = remote.filter(({ logId }) => logId === state.logId);
  const at = runs.find((one) => one.producerId === producerId);
  const { records: lagRecords, bytes } = uplink.unacked;
  return {
    topic: state.topic,
    partition: at?.partition ?? null,
    logId: state.logId,
    run: { producerId, firstOffset },
    logStartOffset: edge.log.logStartOffset,
    endOffset,
    sealedOffset: uplink.sealedEndOffset,
    ackedOffset,
    lagRecords,
    lagBytes: bytes + edge.unsealedBytes,
    oldestUnackedMs: lagRecords === 0 ? 0 : Math.max(0, now - (uplink.oldestUnackedTimestamp() ?? now)),
    uplink: at?.state ?? null,
    lanes: runs.filter((one) => (one.ackedNext < one.sealedEnd && !one.ended) || one === at).map(laneStatus),
  };
}

function laneStatus(run: UplinkStreamStatus): LaneStatus {
  const { producerId, firstOffset, isBacklog, priority, inFlightBytes, state, reason } = run;
  return {
    producerId,
    firstOffset,
    ackedOffset: run.ackedNext,
    sealedOffset: run.sealedEnd,
    isBacklog,
    priority,
    inFlightBytes,
    state,
    reason: reason ?? null,
  };
}

export function agentStatus(parts: AgentParts) {
  const { gateway, version, instance, store, streams, disk, alarms, mqtt, mqttCounters, serial } = parts;
  const { streams: remote, ...uplink } = parts.uplink.status();
  const now = parts.now();
  return {
    role: 'agent',
    gateway,
    version,
    instance,
    time: new Date(now).toISOString(),
    clock: parts.clock.status(),
    ingest: parts.ingest.status(),
    sources: parts.sources.status(),
    streams: [...streams.list()].map((stream) => streamStatus(stream, remote, now)),
    uplink: { ...uplink, kafka: parts.uplink.kafka() ?? null },
    mqtt: {
      port: mqtt.listeners[0]!.port,
      listeners: mqtt.listeners,
      tls: mqtt.tls() ?? null,
      access: parts.access.status(),
      clients: mqtt.connectedClients,
      messages: {
        qos0: mqttCounters.received[0].value,
        qos1: mqttCounters.received[1].value,
        qos2: mqttCounters.received[2].value,
      },
      payloadBytes: mqttCounters.receivedBytes.value,
      repeated: mqttCounters.repeated.value,
      refused: mqttCounters.refused.value,
      subscriberDrops: mqttCounters.subscriberDrops.value,
      connectionErrors: mqttCounters.connectionErrors.value,
      connectionsRefused: mqttCounters.connectionsRefused.value,
      throttled: mqttCounters.throttled.value,
      store: mqtt.store(),
    },
    subscriptions: parts.subscriptions.map((one) => one.status()),
    serial: serial.status(),
    disk: disk.status(),
    wear: parts.wear.status(),
    dropped: droppedStatus(streams),
    log: store.stats(),
    damage: store.damage(),
    pendingBytes: streams.pressure.pendingBytes,
    gaps: streams.gaps.list(),
    setAside: parts.setAside.list(),
    alarms: alarms.list(),
  };
}

/** What the disk policy gave up before any hub had it, since the start. */
function droppedStatus(streams: StreamSet) {
  return [...streams.list()].flatMap(({ state: { topic } }) => {
    const dropped = streams.droppedOf(topic);
    return dropped === undefined ? [] : [{ topic, ...dropped }];
  });
}

/** Not healthy: the store failed, devices are refused, or the uplink is there and nothing moves. */
export function agentHealth(parts: AgentParts): { ok: boolean; reasons: string[] } {
  const reasons: string[] = [];
  const { streams, disk, uplink } = parts;
  if (streams.failure !== undefined) reasons.push(streams.failure.message);
  if (disk.isFull) reasons.push('the disk is full: devices are refused');
  const { state, since, lastAckAt, streams: remote, window } = uplink.status();
  const now = parts.now();
  if (state === 'refused') reasons.push('the hub refuses this gateway');
  for (const one of remote) {
    if (one.state === 'refused') reasons.push(`the hub refuses stream ${one.topic}: ${one.reason}`);
  }
  const isToSend = state === 'live' && window?.isOpen !== false;
  if (isToSend && now - Math.max(since, lastAckAt ?? 0) > STALLED_MS) {
    const stalled = [...streams.list()].filter(
      (stream) => now - (stream.uplink.oldestUnackedTimestamp() ?? now) > STALLED_MS,
    );
    if (stalled.length > 0) {
      reasons.push(
        `no acknowledgement in ${STALLED_MS / 1000} s for ${stalled.map(({ state }) => state.topic)}`,
      );
    }
  }
  return { ok: reasons.length === 0, reasons };
}
