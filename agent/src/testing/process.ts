import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { until } from './fixture.ts';

const MAIN = fileURLToPath(new URL('./agent-process.ts', import.meta.url));

export interface AgentProcess {
  pid: number;
  mqttPort: number;
  httpPort: number;
  stderr(): string;
  /** The exit status; null after a signal. */
  exited: Promise<number | null>;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

export interface ProcessOptions {
  dataDir: string;
  hub: string;
  args?: readonly string[];
  /** The largest file it may write, in the shell's blocks. */
  fileBlocksMax?: number;
}

/** An agent in a process of its own, killed when the test ends. Rejects with its output if it does not get ready. */
export async function startProcess(options: ProcessOptions): Promise<AgentProcess> {
  const { dataDir, hub, args = [], fileBlocksMax } = options;
  const addresses = ['--mqtt', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const command = [
    process.execPath,
    MAIN,
    '--data-dir',
    dataDir,
    '--gateway',
    'gw',
    '--hub',
    hub,
    ...addresses,
    ...args,
  ];
  const limit = fileBlocksMax === undefined ? '' : `trap '' XFSZ; ulimit -f ${fileBlocksMax}; `;
  const child = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  let hasEnded = false;
  void exited.then(() => {
    hasEnded = true;
  });
  await until('the agent is ready or has ended', () => stdout.includes('\n') || hasEnded);
  const match = /^ready .* mqtt=[^ ]*:(\d+) http=[^ ]*:(\d+)/.exec(stdout);
  if (match === null) throw new Error(`not ready: ${stdout}${stderr}`);
  return {
    pid: child.pid!,
    mqttPort: Number(match[1]),
    httpPort: Number(match[2]),
    stderr: () => stderr,
    exited,
    kill: (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}
