import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { generate, type IConnectPacket, type IPublishPacket, type Packet, parser } from 'mqtt-packet';
import { onTestFinished } from 'vitest';

type MqttVersion = 4 | 5;
type Sent = Packet & { cmd: string };

/** An MQTT client that sends exactly the packets it is told and keeps all it receives. */
export class RawMqtt {
  readonly socket: Socket;
  readonly received: Sent[] = [];
  #waiting: (() => void)[] = [];
  isClosed = false;
  readonly #version: MqttVersion;

  constructor(port: number, version: MqttVersion = 4) {
    this.#version = version;
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const parse = parser({ protocolVersion: version });
    const wake = () => {
      for (const resume of this.#waiting.splice(0)) resume();
    };
    parse.on('packet', (packet) => {
      this.received.push(packet as Sent);
      wake();
    });
    this.socket.on('data', (bytes) => void parse.parse(bytes));
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isClosed = true;
      wake();
    });
    onTestFinished(() => void this.socket.destroy());
  }

  /** Connected and greeted. */
  static async connect(port: number, clientId: string, clean = true): Promise<RawMqtt> {
    const client = new RawMqtt(port);
    client.send(connectPacket(clientId, clean));
    await client.packets('connack', 1);
    return client;
  }

  /** Connected with MQTT 5.0 and greeted. */
  static async connect5(port: number, given: Partial<IConnectPacket>): Promise<RawMqtt> {
    const client = new RawMqtt(port, 5);
    client.send({ ...connectPacket(given.clientId!), protocolVersion: 5, ...given } as IConnectPacket);
    await client.packets('connack', 1);
    return client;
  }

  /** All packets in one write. */
  send(...packets: (Packet | Buffer)[]): void {
    const options = { protocolVersion: this.#version };
    this.socket.write(Buffer.concat(packets.map((p) => (Buffer.isBuffer(p) ? p : generate(p, options)))));
  }

  /** Waits until `count` packets of a kind have come; throws if the connection ends before. */
  async packets(cmd: string, count: number): Promise<Sent[]> {
    for (;;) {
      const found = this.received.filter((packet) => packet.cmd === cmd);
      if (found.length >= count) return found;
      if (this.isClosed) throw new Error(`closed after ${found.length} ${cmd} of ${count}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async closed(): Promise<void> {
    if (!this.isClosed) await once(this.socket, 'close');
  }
}

export function connectPacket(clientId: string, clean = true): Packet {
  return { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean, keepalive: 0 };
}

export function publishPacket(
  topic: string,
  payload: string | Buffer,
  given: Partial<IPublishPacket> = {},
): IPublishPacket {
  return { cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false, messageId: 1, ...given };
}
