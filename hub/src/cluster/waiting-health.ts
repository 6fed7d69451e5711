import { startOpsServer } from '@edgelog/runtime';
import { type ClusterDeps, type ClusterHandle, openCluster } from './index.ts';

/** Opens the cluster; as long as that waits for etcd, /healthz says so with 503 where the hub's own listener is going to be. */
export async function openClusterTellingHealth(deps: ClusterDeps): Promise<ClusterHandle> {
  const { settings, log, signal } = deps;
  const unusable = new AbortController();
  let reason = '';
  let server: ReturnType<typeof startOpsServer> | undefined;
  const onWaiting = (waitsFor: string): void => {
    reason = waitsFor;
    server ??= startOpsServer({
      address: settings.http,
      health: () => ({ ok: false, reasons: [reason] }),
      status: () => ({ waiting: reason }),
      metrics: () => '',
      log,
    });
    server.catch((error) => unusable.abort(error));
  };
  const signals = signal === undefined ? [unusable.signal] : [unusable.signal, signal];
  try {
    return await openCluster({ ...deps, onWaiting, signal: AbortSignal.any(signals) });
  } finally {
    await (await server)?.close();
  }
}
