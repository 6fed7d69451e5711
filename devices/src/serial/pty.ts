import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { EdgelogError } from '@edgelog/base';

/** A pseudo-terminal: what is written to `input` can be read by whoever opens `path` as a serial port; what that one writes comes from `output`. */
export interface PseudoTerminal {
  readonly path: string;
  readonly input: Writable;
  /** Must be read, or resumed: else whoever writes to the port waits. */
  readonly output: Readable;
  /** Resolves with a reason when the terminal is gone though nobody closed it. */
  readonly failed: Promise<string>;
  close(): Promise<void>;
}

/**
 * Opens a pseudo-terminal and links `path` to it. socat holds it, and ends with this process, since its input ends then.
 * Throws CONFIG_INVALID when socat is missing or cannot make the link.
 */
export async function openPseudoTerminal(path: string): Promise<PseudoTerminal> {
  if (/[,:!"'\\]/.test(path)) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `no pseudo-terminal at ${path}: the path may not hold , : ! \\ or quotes`,
    );
  }
  const child = spawn('socat', ['-d', '-d', '-', `pty,raw,echo=0,link=${path}`], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // A Ctrl-C in the terminal goes to the whole group; socat ends when its owner says so.
    detached: true,
  });
  let stderr = '';
  let isClosing = false;
  const opened = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<string>();
  child.on('error', (cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'socat is not installed (apt-get install socat)' : cause.message;
    opened.reject(new EdgelogError('CONFIG_INVALID', `no pseudo-terminal at ${path}: ${reason}`, { cause }));
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr = (stderr + data.toString()).slice(-4_096);
    if (stderr.includes('starting data transfer loop')) opened.resolve();
  });
  child.on('exit', () => {
    const reason = stderr.trim().split('\n').at(-1) ?? '';
    opened.reject(
      new EdgelogError('CONFIG_INVALID', `no pseudo-terminal at ${path}: socat ended: ${reason}`),
    );
    if (!isClosing) failed.resolve(`socat ended: ${reason}`);
  });
  child.stdin.on('error', () => {});
  await opened.promise;
  return {
    path,
    input: child.stdin,
    output: child.stdout,
    failed: failed.promise,
    async close() {
      isClosing = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
