import { isUtf8 } from 'node:buffer';
import type { IConnectPacket } from 'mqtt-packet';
import { MqttFault, PacketType, Reason, type ReasonCode } from './protocol.ts';
import { connectRefusal, UNACCEPTABLE_LEVEL } from './refusal.ts';

/** A control packet in the bytes it came in. */
export interface RawPacket {
  readonly bytes: Buffer;
  readonly type: number;
  readonly flags: number;
  readonly bodyAt: number;
  readonly end: number;
}

const NAMES: Readonly<Record<number, string>> = {
  [PacketType.CONNECT]: 'CONNECT',
  [PacketType.SUBSCRIBE]: 'SUBSCRIBE',
  [PacketType.UNSUBSCRIBE]: 'UNSUBSCRIBE',
};
const PROTOCOLS: ReadonlyMap<string, readonly number[]> = new Map([
  ['MQIsdp', [3]],
  ['MQTT', [4, 5]],
]);
/** What bridges set beside the level. */
const BRIDGE = 0x80;

/**
 * Checks what aedes takes as it comes: strings that are not UTF-8 would become other names, and a will with a wildcard in its topic would end the
 * connection of each client that receives it. `version` is that of CONNECT, undefined for CONNECT itself. Throws MqttFault.
 */
export function checkControlPacket(packet: RawPacket, version: number | undefined): void {
  const { type } = packet;
  const name = NAMES[type];
  if (name === undefined) return;
  const fields = new Fields(packet, name);
  if (type === PacketType.CONNECT) checkConnect(fields, packet);
  else checkFilters(fields, packet, version);
}

function checkConnect(fields: Fields, { flags: reserved }: RawPacket): void {
  if (reserved !== 0) throw fields.malformed('reserved flags [MQTT-2.2.2-2]');
  const protocol = fields.text('protocol name');
  const levels = PROTOCOLS.get(protocol);
  if (levels === undefined) throw fields.malformed('the protocol is not MQTT [MQTT-3.1.2-1]');
  const version = fields.byte() & ~BRIDGE;
  if (!levels.includes(version)) {
    const what = `${protocol} has no protocol level ${version} [MQTT-3.1.2-2]`;
    throw new MqttFault(Reason.UNSUPPORTED_PROTOCOL_VERSION, what, {
      connack: version < 5 ? UNACCEPTABLE_LEVEL : connectRefusal(Reason.UNSUPPORTED_PROTOCOL_VERSION),
    });
  }
  const flags = fields.byte();
  const [isReserved, hasWill, willQos, isRetained] = [flags & 1, flags & 4, (flags >> 3) & 3, flags & 0x20];
  const [hasPassword, hasUser] = [flags & 0x40, flags & 0x80];
  if (isReserved) throw fields.malformed('the reserved flag is set [MQTT-3.1.2-3]');
  if (willQos === 3) throw fields.malformed('a will of QoS 3 [MQTT-3.1.2-14]');
  if (!hasWill && (willQos !== 0 || isRetained)) throw fields.malformed('flags of no will [MQTT-3.1.2-13]');
  if (hasPassword && !hasUser && version < 5)
    throw fields.malformed('a password without a user name [MQTT-3.1.2-22]');
  fields.skip(2);
  if (version === 5) fields.properties();
  fields.text('client id');
  if (hasWill) {
    if (version === 5) fields.properties();
    const topic = fields.text('topic of the will');
    if (topic === '') throw fields.malformed('a will without a topic [MQTT-4.7.3-1]');
    if (/[#+]/.test(topic))
      throw fields.malformed(
        'a wildcard in the topic of the will [MQTT-3.1.3-10]',
        Reason.TOPIC_NAME_INVALID,
      );
    fields.binary();
  }
  if (hasUser) fields.text('user name');
  if (hasPassword) fields.binary();
  if (!fields.isAtEnd) throw fields.malformed('bytes behind its last field');
}

/** With a limit of 0 nothing could be sent to the client; aedes lets the first one pass. */
export function clientLimitsFault(properties: IConnectPacket['properties']): MqttFault | undefined {
  const limit = (['maximumPacketSize', 'receiveMaximum'] as const).find((name) => properties?.[name] === 0);
  if (limit === undefined) return undefined;
  return new MqttFault(Reason.PROTOCOL_ERROR, `malformed CONNECT: ${limit} is 0 [MQTT5-3.1.2.11]`, {
    connack: connectRefusal(Reason.PROTOCOL_ERROR),
  });
}

function checkFilters(fields: Fields, { type, flags }: RawPacket, version: number | undefined): void {
  if (flags !== 2) throw fields.malformed('reserved flags [MQTT-3.8.1-1] [MQTT-3.10.1-1]');
  if (fields.short() === 0) throw fields.malformed('packet id 0 [MQTT-2.3.1-1]', Reason.PROTOCOL_ERROR);
  if (version === 5) fields.properties();
  if (fields.isAtEnd)
    throw fields.malformed('no topic filter [MQTT-3.8.3-3] [MQTT-3.10.3-2]', Reason.PROTOCOL_ERROR);
  while (!fields.isAtEnd) {
    const filter = fields.text('topic filter');
    if (!isFilter(filter))
      throw fields.malformed('what is no topic filter [MQTT-4.7.1]', Reason.TOPIC_FILTER_INVALID);
    if (type !== PacketType.SUBSCRIBE) continue;
    const options = fields.byte();
    const reserved = version === 5 ? options & 0xc0 || (options & 0x30) === 0x30 : options & 0xfc;
    if (reserved || (options & 3) === 3) throw fields.malformed('options there are none of [MQTT-3.8.3-4]');
  }
}

/** Wildcards stand for whole levels, `#` for the last one. */
function isFilter(text: string): boolean {
  // aedes collects the filters of a SUBSCRIBE in an object, where this one is no key.
  if (text === '' || text === '__proto__') return false;
  const hash = text.indexOf('#');
  if (hash >= 0 && (hash !== text.length - 1 || (hash > 0 && text[hash - 1] !== '/'))) return false;
  return !text.includes('+') || text.split('/').every((level) => level === '+' || !level.includes('+'));
}

/** Reads the fields of a packet in their order. */
class Fields {
  readonly #packet: RawPacket;
  readonly #name: string;
  #at: number;

  constructor(packet: RawPacket, name: string) {
    this.#packet = packet;
    this.#name = name;
    this.#at = packet.bodyAt;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#packet.end;
  }

  byte(): number {
    return this.#packet.bytes[this.#take(1)]!;
  }

  short(): number {
    return this.#packet.bytes.readUInt16BE(this.#take(2));
  }

  skip(bytes: number): void {
    this.#take(bytes);
  }

  binary(): Buffer {
    const length = this.short();
    const at = this.#take(length);
    return this.#packet.bytes.subarray(at, at + length);
  }

  text(what: string): string {
    const raw = this.binary();
    if (!isUtf8(raw)) throw this.malformed(`a ${what} that is not UTF-8 [MQTT-1.5.3-1]`);
    if (raw.includes(0)) throw this.malformed(`U+0000 in the ${what} [MQTT-1.5.3-2]`);
    return raw.toString('utf8');
  }

  /** Passed over: they are checked where they are read. */
  properties(): void {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      length += (byte & 0x7f) << shift;
      if (byte < 0x80) break;
      if (shift === 21) throw this.malformed('a length of properties of five bytes [MQTT5-1.5.5]');
    }
    this.skip(length);
  }

  malformed(what: string, reason: ReasonCode = Reason.MALFORMED_PACKET): MqttFault {
    return new MqttFault(reason, `malformed ${this.#name}: ${what}`);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#packet.end) throw this.malformed('it ends within a field');
    this.#at = at + bytes;
    return at;
  }
}
