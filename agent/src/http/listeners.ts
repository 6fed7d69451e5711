import { EdgelogError } from '@edgelog/base';
import type { Alarms } from '@edgelog/edge';
import { isLoopback, type Logger, parseAddress, type SecureListener } from '@edgelog/runtime';
import { TlsKeeper } from '../mqtt/listeners/tls-keeper.ts';

export interface HttpListenerSettings {
  readonly http: string;
  readonly httpTls?: string | undefined;
  readonly mqttTlsCert?: string | undefined;
  readonly mqttTlsKey?: string | undefined;
}

/** The listener with TLS, where one is asked for, with the certificate that MQTT has. Throws CONFIG_INVALID. */
export function secureListener(
  { httpTls, mqttTlsCert: cert, mqttTlsKey: key }: HttpListenerSettings,
  alarms: Alarms,
  log: Logger,
): { listener: SecureListener; stop(): void } | undefined {
  if (httpTls === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new EdgelogError('CONFIG_INVALID', '--http-tls needs --mqtt-tls-cert FILE and --mqtt-tls-key FILE');
  const keeper = new TlsKeeper({ cert, key, clientCa: undefined }, 'http', alarms, log);
  const listener = {
    address: httpTls,
    setting: '--http-tls',
    tls: { ...keeper.material, minVersion: 'TLSv1.2' as const },
    onServer: (server: Parameters<SecureListener['onServer']>[0]) => keeper.serve(server),
  };
  return { listener, stop: () => keeper.stop() };
}

/** What is open to a network must be meant to be: as with MQTT. */
export function warnWhereOpen(
  { http, httpTls }: HttpListenerSettings,
  hasUsers: boolean,
  alarms: Alarms,
  log: Logger,
): void {
  const isOpen = (address: string | undefined) =>
    address !== undefined && !isLoopback(parseAddress(address).host);
  for (const [name, address] of Object.entries({ http, https: httpTls })) {
    if (!isOpen(address)) continue;
    if (!hasUsers)
      alarms.raise(
        `open ${name}`,
        `whoever reaches ${name}=${address} reads what is on this gateway and may cut its uplink; give --http-users FILE, or bind to 127.0.0.1`,
      );
    else if (name === 'http')
      log.warn('passwords cross the network in the clear; use --http-tls', { listener: `http=${address}` });
  }
}
