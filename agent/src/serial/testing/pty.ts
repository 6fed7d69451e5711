import { spawn } from 'node:child_process';
import { existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { until } from '../../testing/fixture.ts';

/** A cable with a pseudo-terminal at either end. */
export interface Cable {
  /** What the agent opens. */
  line: string;
  /** What an instrument opens. */
  instrument: string;
  /** Of the process that holds it. */
  pid: number;
  send(bytes: string | Buffer): void;
  /** Pulls the cable, as rudely as a hand does: SIGKILL hangs both ends up and leaves the names, as a missing udev would. */
  unplug(): Promise<void>;
}

/** A cable whose agent's end is called `name`; plugged when this resolves, pulled when the test ends. */
export async function plug(dir: string, name = 'line'): Promise<Cable> {
  const [instrument, line] = [join(dir, `${name}.instrument`), join(dir, name)];
  const child = spawn('socat', [`pty,raw,echo=0,link=${instrument}`, `pty,raw,echo=0,link=${line}`]);
  const unplug = async () => {
    child.kill('SIGKILL');
    await until('socat has ended', () => child.exitCode !== null || child.signalCode !== null);
    for (const path of [instrument, line]) rmSync(path, { force: true });
  };
  onTestFinished(unplug);
  await until('the pseudo-terminals are there', () => existsSync(instrument) && existsSync(line));
  let out: number | undefined;
  return {
    instrument,
    line,
    pid: child.pid!,
    send(bytes) {
      out ??= openSync(instrument, 'w');
      writeSync(out, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    },
    unplug,
  };
}
