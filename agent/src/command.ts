import { isCommitFailure } from '@edgelog/log';
import { createLogger, loadSettings, reportFatal, runProcess } from '@edgelog/runtime';
import { startAgent } from './agent.ts';
import { agentSettingsSchema } from './settings.ts';

const NOTES = `SIGHUP (systemctl reload edgelog-agent) has the file of --config read again. In force at once: routes, topic, unrouted,
maxRoutedTopics, topics, acl, httpHosts, logLevel, the upload windows and the cap of the uplink. What else has changed is
named in the log and waits for the next start. Where anything is wrong, nothing changes, and the alarm \`configuration\` says what it is.
Users, ACL file and certificates need no signal.`;

/** `edgelog agent …`: runs until it is told to end; resolves with the exit status. */
export async function agentCommand(argv: string[]): Promise<number> {
  try {
    const load = () =>
      loadSettings({
        command: 'edgelog agent',
        summary: 'The gateway: takes readings over MQTT and serial lines, keeps them, sends them to a hub.',
        schema: agentSettingsSchema,
        argv,
        env: process.env,
        notes: NOTES,
      });
    const settings = load();
    const log = createLogger({ component: 'agent', level: settings.logLevel });
    return await runProcess({
      start: () =>
        startAgent(settings, {
          log,
          liveParts: [{ keys: ['logLevel'], prepare: (next) => () => log.setLevel(next.logLevel) }],
        }),
      reload: (agent) => agent.reload(load),
      log,
      isToldElsewhere: isCommitFailure,
    });
  } catch (error) {
    return reportFatal(error);
  }
}
