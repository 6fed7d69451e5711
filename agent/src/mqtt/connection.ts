import { Socket } from 'node:net';
import { TokenBucket } from '@edgelog/base';
import type { Pressure } from '@edgelog/edge';
import type { RecordHeader } from '@edgelog/wire';
import type { Client } from 'aedes';
import { AckQueue } from './ack-queue.ts';
import { isAtRest, isGreeted, wantsReasons } from './aedes-internals.ts';
import { checkControlPacket } from './control-packets.ts';
import { FrameReader } from './frame-reader.ts';
import type { MqttPeer, MqttSocket } from './listeners/index.ts';
import { PARTIAL_BYTES_MAX, type PartialPackets } from './partial-packets.ts';
import { MqttFault, PacketType, Reason } from './protocol.ts';
import { type PublishPacket, PublishParser } from './publish-packet.ts';
import { disconnection } from './refusal.ts';

export interface ConnectionHost {
  maxPacketBytes: number;
  /** At which a client is read; 0: as fast as it sends. */
  messagesPerSecond: number;
  bytesPerSecond: number;
  pressure: Pressure;
  /** Of packets that have not arrived wholly, of all connections. */
  partial: PartialPackets<MqttConnection>;
  monotonicMs: () => number;
  onPublish(connection: MqttConnection, packet: PublishPacket): void;
  onRelease(connection: MqttConnection, messageId: number): void;
  /** Said once, before the connection ends. */
  onFault(connection: MqttConnection, fault: MqttFault): void;
  /** The connection is read more slowly than its client sends. */
  onThrottled(): void;
}

/**
 * Messages of one connection between their PUBLISH and their acknowledgement; no more are read before. Clients of MQTT
 * 5.0 are told (Receive Maximum), and what others send beyond waits in their sockets.
 */
export const UNACKED_MAX = 1000;
/** Payload bytes of one connection on their way to local subscribers' queues and retained messages. */
const DELIVERING_BYTES_MAX = 1024 * 1024;
/** What stands behind the messages that were dealt with; WAIT: what stands there has to wait. */
const Found = { NOTHING: 0, WAIT: 1, OTHER: 2 } as const;
type Found = (typeof Found)[keyof typeof Found];
/** How long what came before a fault may take to be acknowledged. */
const FAULT_GRACE_MS = 2000;

/**
 * One device's connection, between its stream and aedes. Messages and their handshake never reach aedes: where it has nothing to do
 * they are taken as the bytes come in, past the stream's own buffer, else they are cut from what it reads. aedes pulls with `read()` when it has dealt with all packets of the read before (or earlier: each
 * `readable` event counts as one packet dealt with), so order is kept, and refusing a read is how to pause. Its own
 * `pause()` loses count of the packets in flight and may never read again.
 */
export class MqttConnection {
  readonly stream: MqttSocket;
  readonly peer: MqttPeer;
  readonly remote: string;
  /** Of its host. */
  readonly address: string;
  readonly acks: AckQueue;
  /** Set at the first message, when the client id is known. */
  headers: readonly RecordHeader[] | undefined;
  /** The last topic it was allowed to publish to. */
  allowedTopic: string | undefined;
  /** Its CONNECT asked for a new session. */
  isCleanStart = false;
  /** Keep-alive period of the client, and how long it has been silent, in ticks. */
  keepAliveTicks = 0;
  silentTicks = 0;
  client!: Client;
  readonly #host: ConnectionHost;
  readonly #frames: FrameReader;
  readonly #read: (size?: number) => Buffer | null;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  #parser: PublishParser | undefined;
  #hasConnect = false;
  /** The reader stands at a packet that is not dealt with yet. */
  #isUndone = false;
  /** Tells of the stream's end, which came while packets before it were not dealt with. */
  #tellEnd: (() => void) | undefined;
  #faultAhead: MqttFault | undefined;
  #isWaiting = false;
  #isStopped = false;
  #isDraining = false;
  #deliveringBytes = 0;
  #partialBytes = 0;
  #wake: NodeJS.Timeout | undefined;

  constructor(stream: MqttSocket, peer: MqttPeer, host: ConnectionHost) {
    this.stream = stream;
    this.peer = peer;
    this.address = stream.remoteAddress ?? '';
    this.remote = `${this.address}:${stream.remotePort}`;
    this.#host = host;
    this.#frames = new FrameReader(host.maxPacketBytes);
    const bucket = (perSecond: number) =>
      perSecond === 0 ? undefined : new TokenBucket(perSecond, host.monotonicMs());
    this.#messages = bucket(host.messagesPerSecond);
    this.#bytes = bucket(host.bytesPerSecond);
    this.acks = new AckQueue({
      write: (bytes) => void (stream.destroyed || stream.write(bytes)),
      failed: (error) => this.fail(new MqttFault(Reason.UNSPECIFIED, error.message)),
      progress: () => this.resume(),
    });
    this.#read = stream.read.bind(stream) as (size?: number) => Buffer | null;
    stream.read = (size?: number) => (size === 0 ? this.#read(0) : this.#pull());
    const push = stream.push.bind(stream);
    // A socket goes on reading while `push` says so; other streams want to be asked for each piece.
    const isSocket = stream instanceof Socket;
    stream.push = (chunk: Buffer | null) => {
      if (chunk === null) return this.#ended(() => push(null));
      return (isSocket && this.#takeAtOnce(chunk)) || push(chunk);
    };
    stream.on('drain', () => this.resume());
    stream.once('close', () => {
      clearTimeout(this.#wake);
      this.#partialBytes = 0;
      host.partial.hold(this, 0);
    });
  }

  /** It is not read at the moment, for which its client cannot help: one that takes no acknowledgements can. */
  get isHeldUp(): boolean {
    return this.#isWaiting && !this.stream.writableNeedDrain;
  }

  get isVersion5(): boolean {
    return this.client.version === 5;
  }

  get wantsReasons(): boolean {
    return wantsReasons(this.client);
  }

  /** Reads nothing more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Reads again if it was held up and nothing stands against it any more. */
  resume(): void {
    if (!this.#isWaiting || this.#isHeldUp()) return;
    this.#isWaiting = false;
    this.stream.emit('readable');
  }

  /** Payload bytes begin their way to local subscribers (positive) or have arrived (negative). */
  delivering(bytes: number): void {
    this.#deliveringBytes += bytes;
    if (bytes < 0) this.resume();
  }

  /** Ends the connection when what came before is acknowledged, or after a short grace. */
  fail(fault: MqttFault): void {
    if (this.#isStopped) return;
    this.stop();
    if (this.#hasConnect) this.acks.afterwards(() => this.#end(fault));
    else this.#end(fault);
    setTimeout(() => {
      this.#end(fault);
      this.stream.destroy();
    }, FAULT_GRACE_MS).unref();
  }

  /**
   * A client of MQTT 5.0 is told why. What it still sends is read and thrown away until it hangs up: a socket closed
   * with unread bytes is reset, and the last acknowledgements would be lost on their way.
   */
  #end(fault: MqttFault): void {
    if (this.#isDraining || this.stream.destroyed) return;
    this.#isDraining = true;
    this.#host.onFault(this, fault);
    if (fault.connack !== undefined) this.stream.write(fault.connack);
    else if (!this.#hasConnect) {
      this.stream.destroy();
      return;
    }
    if (isGreeted(this.client) && this.isVersion5) {
      this.stream.write(disconnection(fault.reasonCode, this.wantsReasons ? fault.message : undefined));
    }
    this.stream.end();
    this.stream.emit('readable');
  }

  /** What aedes gets to read: packets that are no messages. */
  #pull(): Buffer | null {
    try {
      return this.#nextForAedes();
    } catch (error) {
      if (!(error instanceof MqttFault)) throw error;
      this.fail(error);
      return null;
    }
  }

  #nextForAedes(): Buffer | null {
    for (let hasRead = false; ; hasRead = true) {
      if (this.#isDraining) {
        this.#read();
        this.#tellEnd?.();
        return null;
      }
      const found = this.#takeMessages();
      if (found === Found.OTHER) return this.#run();
      if (found === Found.NOTHING && this.stream.readableLength === 0) this.#tellEnd?.();
      if (found === Found.WAIT || hasRead) return null;
      const chunk = this.#read();
      if (chunk === null) return null;
      this.#arrived(chunk);
    }
  }

  /** The client says nothing more. aedes, told of it, would end the connection without what is still to be dealt with: messages, and the DISCONNECT behind them. */
  #ended(tell: () => void): boolean {
    const isBehind = this.#isUndone || this.#frames.hasMore || this.stream.readableLength > 0;
    if (this.#isStopped || !isBehind) {
      tell();
      return false;
    }
    this.#tellEnd = () => {
      this.#tellEnd = undefined;
      tell();
    };
    this.stream.emit('readable');
    return false;
  }

  /** Takes what comes in as it comes; false where it has to wait for what came before. */
  #takeAtOnce(chunk: Buffer | null): boolean {
    if (chunk === null || !this.#isNext()) return false;
    this.#arrived(chunk);
    try {
      if (this.#takeMessages() === Found.OTHER) {
        this.#isUndone = true;
        this.stream.emit('readable');
      }
    } catch (error) {
      if (!(error instanceof MqttFault)) throw error;
      this.fail(error);
    }
    return true;
  }

  /** Nothing of what came before is left. */
  #isNext(): boolean {
    if (!this.#hasConnect || this.#isStopped || this.#isWaiting || this.#isUndone) return false;
    return this.#faultAhead === undefined && this.stream.readableLength === 0 && isAtRest(this.client);
  }

  #arrived(chunk: Buffer): void {
    this.silentTicks = 0;
    this.#bytes?.take(chunk.length);
    this.#frames.push(chunk);
  }

  /** Deals with the messages that have arrived, up to the first packet that is none. */
  #takeMessages(): Found {
    for (;;) {
      if (this.#faultAhead !== undefined) throw this.#faultAhead;
      if (this.#isStopped || (this.#hasConnect && !isGreeted(this.client))) return Found.WAIT;
      if (this.#isHeldUp()) {
        this.#isWaiting = true;
        return Found.WAIT;
      }
      if (!this.#isUndone && !this.#frames.next()) {
        this.#countPartial();
        return Found.NOTHING;
      }
      this.#isUndone = false;
      if (!this.#isMessage()) return Found.OTHER;
      this.#take();
    }
  }

  #isMessage(): boolean {
    const { type } = this.#frames;
    return this.#hasConnect && (type === PacketType.PUBLISH || type === PacketType.PUBREL);
  }

  /** Deals with the packet that the reader stands at. */
  #take(): void {
    const frames = this.#frames;
    if (frames.type === PacketType.PUBLISH) {
      this.#messages?.take(1);
      this.#parser ??= new PublishParser(this.client.version);
      this.#host.onPublish(this, this.#parser.parse(frames));
      return;
    }
    const { bytes, bodyAt, end } = frames;
    const messageId = end - bodyAt < 2 ? 0 : bytes.readUInt16BE(bodyAt);
    if (messageId === 0 || frames.flags !== 2) {
      throw new MqttFault(Reason.MALFORMED_PACKET, 'malformed PUBREL [MQTT-3.6.1-1]');
    }
    this.#host.onRelease(this, messageId);
  }

  /** The packets for aedes up to the next message; CONNECT alone, because it is answered before anything else is read. */
  #run(): Buffer {
    const { bytes, start } = this.#frames;
    let { end } = this.#frames;
    if (!this.#hasConnect) {
      checkControlPacket(this.#frames, undefined);
      this.#hasConnect = true;
      return bytes.subarray(start, end);
    }
    const { version } = this.client;
    checkControlPacket(this.#frames, version);
    try {
      while (this.#frames.next()) {
        if (this.#isMessage()) {
          this.#isUndone = true;
          break;
        }
        checkControlPacket(this.#frames, version);
        end = this.#frames.end;
      }
    } catch (error) {
      if (!(error instanceof MqttFault)) throw error;
      this.#faultAhead = error;
    }
    return bytes.subarray(start, end);
  }

  /** Ends it for what it has sent of a packet that is not complete. */
  giveUpPartial(): void {
    this.#frames.drop();
    this.#partialBytes = 0;
    this.#host.partial.hold(this, 0);
    this.fail(
      new MqttFault(Reason.QUOTA_EXCEEDED, `packets that are not complete take ${PARTIAL_BYTES_MAX} bytes`),
    );
  }

  #countPartial(): void {
    const { partial } = this.#host;
    const { partialBytes } = this.#frames;
    if (partialBytes === this.#partialBytes || this.stream.destroyed) return;
    this.#partialBytes = partialBytes;
    partial.hold(this, partialBytes)?.giveUpPartial();
  }

  #isHeldUp(): boolean {
    if (this.#host.pressure.isHigh || this.stream.writableNeedDrain) return true;
    if (this.acks.length >= UNACKED_MAX || this.#deliveringBytes > DELIVERING_BYTES_MAX) return true;
    return this.#isOverRate();
  }

  #isOverRate(): boolean {
    if (this.#messages === undefined && this.#bytes === undefined) return false;
    const now = this.#host.monotonicMs();
    const waitMs = Math.max(this.#messages?.waitMs(now) ?? 0, this.#bytes?.waitMs(now) ?? 0);
    if (waitMs === 0) return false;
    if (this.#wake === undefined) {
      this.#host.onThrottled();
      this.#wake = setTimeout(() => {
        this.#wake = undefined;
        this.resume();
      }, waitMs);
    }
    return true;
  }
}
