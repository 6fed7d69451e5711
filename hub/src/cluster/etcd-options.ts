import { readFileSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';
import type { EtcdOptions } from '@edgelog/etcd';
import type { HubSettings } from '../settings.ts';

/** How etcd is reached. Throws CONFIG_INVALID naming the setting whose file cannot be read. */
export function etcdOptions(settings: HubSettings): EtcdOptions {
  const { etcd: endpoints, etcdUser: user, etcdPassword: password, etcdCa, etcdCert, etcdKey } = settings;
  const tls = {
    ...(etcdCa !== undefined && { ca: read('--etcd-ca', etcdCa) }),
    ...(etcdCert !== undefined && { cert: read('--etcd-cert', etcdCert) }),
    ...(etcdKey !== undefined && { key: read('--etcd-key', etcdKey) }),
  };
  return {
    endpoints: endpoints.map((url) => url.replace(/\/$/, '')),
    tls,
    ...(user !== undefined && password !== undefined && { credentials: { user, password } }),
  };
}

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new EdgelogError('CONFIG_INVALID', `${flag} ${path} cannot be read`, { cause });
  }
}
