import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Alarms } from '@edgelog/edge';
import { silentAlarmLog } from '@edgelog/edge/testing/fixture.ts';
import { Aedes, type PublishPacket } from 'aedes';
import { onTestFinished } from 'vitest';
import { type MqttStore, type MqttStoreOptions, openMqttStore } from '../mqtt/persistence/mqtt-store.ts';

export interface LocalBroker {
  readonly port: number;
  readonly store: MqttStore;
  readonly alarms: Alarms;
  /** Clients to which a message was not queued. */
  readonly dropped: string[];
  /** As from a device; resolves when its acknowledgement could leave. */
  publish(
    topic: string,
    payload: string,
    given?: Partial<PublishPacket> & { messageExpiry?: number },
  ): Promise<void>;
  /** Ends all connections; what was written is on disk then. */
  stop(): Promise<void>;
}

/** aedes with the store of `dir`, and nothing else of the agent. */
export async function localBroker(
  dir: string,
  given: Partial<MqttStoreOptions> = {},
  maySubscribe: (filter: string) => boolean = () => true,
): Promise<LocalBroker> {
  const alarms = new Alarms(silentAlarmLog);
  const dropped: string[] = [];
  const store = openMqttStore({
    dir,
    alarms,
    sessionExpirySeconds: 3600,
    onDrop: (clientId) => void dropped.push(clientId),
    onRetainedDrop: (topic) => void dropped.push(topic),
    ...given,
  });
  const broker = await Aedes.createBroker({
    persistence: store.persistence,
    concurrency: 0,
    authorizeSubscribe: (_client, wanted, done) => done(null, maySubscribe(wanted.topic) ? wanted : null),
  });
  const server = createServer({ noDelay: true }, (socket) => void broker.handle(socket)).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    server.close();
    await new Promise<void>((resolve) => broker.close(resolve));
    await store.close();
  };
  const stopOnce = () => {
    stopped ??= stop();
    return stopped;
  };
  onTestFinished(stopOnce);
  return {
    port: (server.address() as AddressInfo).port,
    store,
    alarms,
    dropped,
    publish: (topic, payload, more) =>
      new Promise((resolve, reject) => {
        const packet: PublishPacket = {
          cmd: 'publish',
          topic,
          payload: Buffer.from(payload),
          qos: 1,
          retain: false,
          dup: false,
          ...more,
        };
        broker.publish(packet, (error) => (error ? reject(error) : resolve()));
      }),
    stop: stopOnce,
  };
}
