import { isCommitFailure } from '@edgelog/log';
import { createLogger, loadSettings, reportFatal, runProcess } from '@edgelog/runtime';
import { startHub } from './hub.ts';
import { hubSettings } from './settings.ts';

/** After the store failed: long enough for a monitor to see the 503, and for clients to be told. */
const FAILED_EXIT_MS = 1_000;

/** `edgelog hub`: runs a broker until it is told to end; resolves with the exit status. */
export async function hubCommand(argv: string[]): Promise<number> {
  try {
    const settings = loadSettings({
      command: 'edgelog hub',
      summary: 'A broker: agents sync into it, Kafka clients consume from it.',
      schema: hubSettings,
      argv,
      env: process.env,
    });
    const log = createLogger({ component: 'hub', level: settings.logLevel });
    return await runProcess({
      log,
      isToldElsewhere: isCommitFailure,
      start: async (asked) => {
        const hub = await startHub(settings, { log, signal: asked });
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
