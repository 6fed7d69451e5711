import { EdgelogError } from '@edgelog/base';
import { loadSettings } from '@edgelog/runtime';
import { z } from 'zod';
import { listCommand } from './list.ts';
import { probeCommand } from './probe-command.ts';

const COMMAND = 'edgelog serial';

const serialSettings = z.object({
  verb: z.enum(['list', 'probe']).describe('list: the ports of this machine. probe: what speaks on one.'),
  port: z
    .string()
    .optional()
    .describe(
      'With probe: a path, a pattern or usb:VENDOR:PRODUCT; may be left out where there is one port.',
    ),
  seconds: z
    .number()
    .min(0.1)
    .max(3600)
    .default(3)
    .describe('How long to listen at each speed; longer than the pauses of the instrument.'),
  baudRate: z
    .array(z.int().min(50).max(10_000_000))
    .default([])
    .describe('Speeds to try; default the usual ones.'),
  json: z.boolean().default(false).describe('JSON instead of text.'),
});

const NOTES = `Probing only listens, it sends nothing, and ends as soon as checksums prove what is spoken. Progress is told on stderr; on stdout comes
the section for the file of edgelog agent --config:

  edgelog serial probe /dev/ttyUSB0 >> edgelog.yaml`;

/** `edgelog serial …` */
export async function serialCommand(argv: string[]): Promise<number> {
  const { verb, port, seconds, baudRate, json } = loadSettings({
    command: COMMAND,
    summary: 'Serial ports of this machine, and what speaks on them.',
    schema: serialSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['verb', 'port'],
    notes: NOTES,
  });
  if (verb === 'probe') return probeCommand({ port, seconds, baudRate, json });
  if (port !== undefined) {
    throw new EdgelogError('CONFIG_INVALID', `${COMMAND} list: ${port} is not expected here`);
  }
  return listCommand(json);
}
