import { didYouMean } from '@edgelog/runtime';
import { fleetCommand } from './fleet/command.ts';
import { profilesCommand } from './profiles/command.ts';
import { serialCommand } from './serial/command.ts';

const KINDS: Readonly<Record<string, (argv: string[]) => Promise<number>>> = {
  fleet: fleetCommand,
  serial: serialCommand,
  profiles: profilesCommand,
};

const USAGE = `Usage: edgelog devices fleet|serial|profiles [flags]

  fleet     Devices that publish over MQTT.
  serial    An instrument on a pseudo-terminal: a scale, meters, sensors.
  profiles  What the agent reads on serial lines: list, show, check.

edgelog devices fleet --help tells the flags.
`;

/** `edgelog devices …`: resolves with the exit status. */
export async function devicesCommand(argv: string[]): Promise<number> {
  const [kind = '', ...rest] = argv;
  const command = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (command !== undefined) return command(rest);
  if (kind === '--help' || kind === '-h') {
    process.stdout.write(USAGE);
    return 0;
  }
  const problem =
    kind === ''
      ? ''
      : `edgelog devices: unknown kind ${JSON.stringify(kind)}${didYouMean(kind, Object.keys(KINDS))}\n`;
  process.stderr.write(problem + USAGE);
  return 2;
}
