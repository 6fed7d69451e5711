import { isCommitFailure } from '@edgelog/log';
import { createLogger, loadSettings, reportFatal, runProcess } from '@edgelog/runtime';
import { startAgent } from './agent.ts';
import { agentSettingsSchema } from './settings.ts';

/** `edgelog agent …`: runs until it is told to end; resolves with the exit status. */
export async function agentCommand(argv: string[]): Promise<number> {
  try {
    const settings = loadSettings({
      command: 'edgelog agent',
      summary: 'The gateway: takes readings over MQTT and serial lines, keeps them, sends them to a hub.',
      schema: agentSettingsSchema,
      argv,
      env: process.env,
    });
    const log = createLogger({ component: 'agent', level: settings.logLevel });
    return await runProcess({
      start: () => startAgent(settings, { log }),
      log,
      isToldElsewhere: isCommitFailure,
    });
  } catch (error) {
    return reportFatal(error);
  }
}
