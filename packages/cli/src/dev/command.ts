import { resolve } from 'node:path';
import { loadSettings } from '@edgelog/runtime';
import { claimPorts } from './ports.ts';
import { DevSession } from './session.ts';
import { devSettings } from './settings.ts';

/** `edgelog dev`: hub or cluster, agent and simulated devices as one tree of processes, until it is told to end. */
export async function devCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: 'edgelog dev',
    summary: 'Hub, agent and simulated devices on this machine, with a live view.',
    schema: devSettings,
    argv,
    env: process.env,
  });
  const plan = await claimPorts({ ...settings, dataDir: resolve(settings.dataDir) });
  return new DevSession(plan).run();
}
