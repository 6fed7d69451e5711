import { readFileSync } from 'node:fs';
import type { IClientOptions } from 'mqtt';
import type { SubscriptionSetting } from './setting.ts';

export interface ClientOptionsOf {
  gateway: string;
  /** Larger messages the broker must not send (MQTT 5). */
  maxPacketBytes: number;
}

/** Messages that the broker may send before it has an acknowledgement (MQTT 5; of 3.1.1 it decides by itself). */
const RECEIVE_MAXIMUM = 1000;
const CONNECT_TIMEOUT_MS = 10_000;

export function clientIdOf({ clientId }: Pick<SubscriptionSetting, 'clientId'>, gateway: string): string {
  return clientId ?? `edgelog-${gateway}`;
}

/** What mqtt.js connects with. Files are read each time, so that renewed ones are taken. Throws what reading them throws. */
export function clientOptions(
  setting: SubscriptionSetting,
  { gateway, maxPacketBytes }: ClientOptionsOf,
): IClientOptions {
  const isVersion5 = setting.protocol !== '3.1.1';
  const options: IClientOptions = {
    protocolVersion: isVersion5 ? 5 : 4,
    clientId: clientIdOf(setting, gateway),
    clean: !setting.persistent,
    keepalive: setting.keepAliveSeconds,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
    resubscribe: false,
    manualConnect: true,
  };
  if (isVersion5) {
    options.properties = {
      receiveMaximum: RECEIVE_MAXIMUM,
      maximumPacketSize: maxPacketBytes,
      ...(setting.persistent && { sessionExpiryInterval: setting.sessionHours * 3600 }),
    };
  }
  const { username, password, passwordFile, ca, cert, key } = setting;
  if (username !== undefined) options.username = username;
  if (password !== undefined) options.password = password;
  if (passwordFile !== undefined) options.password = readFileSync(passwordFile, 'utf8').replace(/\r?\n$/, '');
  if (ca !== undefined) options.ca = readFileSync(ca);
  if (cert !== undefined) options.cert = readFileSync(cert);
  if (key !== undefined) options.key = readFileSync(key);
  return options;
}
