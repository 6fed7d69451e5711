import { isCommitFailure } from '@edgelog/log';
import { createLogger, type Logger, loadSettings, reportFatal, runProcess } from '@edgelog/runtime';
import { hubCommandSettings, modeOf } from './command-settings.ts';
import { startHub } from './hub.ts';
import type { SyncGatewaySettings } from './sink/sync-gateway.ts';

/** After the store failed: long enough for a monitor to see the 503, and for clients to be told. */
const FAILED_EXIT_MS = 1_000;

const NOTES = `Two things can be run:

  edgelog hub --data-dir D               a broker: keeps what agents send, serves it to Kafka clients; --etcd makes it one of a cluster
  edgelog hub --sink kafka://A:9092,…    a sync gateway: hands what agents send to an Apache Kafka cluster that is there already, and
                                         keeps nothing; any number of them behind one load balancer. It takes --sync, --http, --http-hosts,
                                         --log-level and what begins with --kafka- and --sink-; what else is a broker's is refused.

INTO-KAFKA.md has permissions, security and what is guaranteed; edgelog doctor --hub kafka://… tries it all.`;

/** `edgelog hub`: runs a broker, or a sync gateway, until it is told to end; resolves with the exit status. */
export async function hubCommand(argv: string[]): Promise<number> {
  try {
    const settings = loadSettings({
      command: 'edgelog hub',
      summary: 'A broker: agents sync into it, Kafka clients consume from it.',
      schema: hubCommandSettings,
      argv,
      env: process.env,
      notes: NOTES,
    });
    const log = createLogger({ component: 'hub', level: settings.logLevel });
    const { broker, gateway } = modeOf(settings);
    if (gateway !== undefined) return await runSyncGateway(gateway, log);
    return await runProcess({
      log,
      isToldElsewhere: isCommitFailure,
      start: async (asked) => {
        const hub = await startHub(broker, { log, signal: asked });
        void hub.failed.then((error) => {
          const status = reportFatal(error);
          setTimeout(() => process.exit(status), FAILED_EXIT_MS);
        });
        const { kafka, sync, http } = hub.addresses;
        return { ready: `hub kafka=${kafka} sync=${sync} http=${http}`, stop: () => hub.stop() };
      },
    });
  } catch (error) {
    return reportFatal(error);
  }
}

async function runSyncGateway(settings: SyncGatewaySettings, log: Logger): Promise<number> {
  const { startSyncGateway } = await import('./sink/sync-gateway.ts');
  return runProcess({
    log,
    start: async (signal) => {
      const { addresses, clusterId, stop } = await startSyncGateway(settings, { log, signal });
      const { sync, http } = addresses;
      return { ready: `sync-gateway kafka=${clusterId} sync=${sync} http=${http}`, stop };
    },
  });
}
