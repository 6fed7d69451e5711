import { kafkaUrlOf } from '@edgelog/agent/uplink/hub-setting.ts';
import { loadSettings, withoutControls } from '@edgelog/runtime';
import { plural, printJson } from '../table.ts';
import type { Finding, Level } from './finding.ts';
import { hubChecks } from './hub.ts';
import { kafkaChecks } from './kafka.ts';
import { type DoctorSettings, doctorSettings } from './settings.ts';

const NOTES = `Changes nothing, neither here nor there:

  edgelog doctor --hub kafka+tls://a:9093,b:9093 --kafka-sasl scram-sha-512 --kafka-user plant-7 --topic telemetry,alarms
  edgelog doctor --config /etc/edgelog/agent.yaml
  edgelog doctor --hub wss://hub.example

Exit status: 0 data can flow, whatever there is to warn of; 1 it cannot, or not all of it.`;

/** `edgelog doctor`: what would go wrong on the way to a hub or a Kafka cluster, before it does. Resolves with the exit status. */
export async function doctorCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: 'edgelog doctor',
    summary: 'Tries the way to a hub or a Kafka cluster, as an agent would go it, and says what to change.',
    schema: doctorSettings,
    argv,
    env: process.env,
    notes: NOTES,
  });
  const findings: Finding[] = [];
  for await (const finding of checksOf(settings)) {
    findings.push(finding);
    if (!settings.json) process.stdout.write(lineOf(finding));
  }
  const count = (level: Level) => findings.filter((one) => one.level === level).length;
  const [problems, warnings] = [count('problem'), count('warning')];
  if (settings.json) printJson({ ok: problems === 0, findings });
  else process.stdout.write(`${plural(problems, 'problem')}, ${plural(warnings, 'warning')}\n`);
  return problems === 0 ? 0 : 1;
}

async function* checksOf(settings: DoctorSettings): AsyncGenerator<Finding> {
  const { hub, topic: topics, timeoutMs } = settings;
  const url = kafkaUrlOf(settings);
  if (url !== undefined) yield* kafkaChecks({ url, settings, topics, timeoutMs });
  else for (const one of hub) yield* hubChecks(one, settings, timeoutMs);
}

function lineOf({ about, level, says, advice }: Finding): string {
  const line = `${level.padEnd(8)} ${withoutControls(about)}: ${withoutControls(says)}\n`;
  return advice === undefined ? line : `${line}         → ${withoutControls(advice)}\n`;
}
