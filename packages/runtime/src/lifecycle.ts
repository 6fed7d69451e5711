import { closeSync, openSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';
import { guardExit } from './exit-guard.ts';
import type { Logger } from './logger.ts';

export interface RunningProcess {
  /** What can be reached where, e.g. `hub kafka=127.0.0.1:9092`; printed on stdout behind the word `ready`. */
  readonly ready: string;
  stop(): Promise<void>;
  /** For a process that ends by itself: resolves with the exit status, and stop() is called. */
  readonly done?: Promise<number>;
}
export interface RunProcessOptions<R extends RunningProcess = RunningProcess> {
  /** `asked` is aborted when the process is told to end before this is done: it may reject with its reason then. */
  readonly start: (asked: AbortSignal) => Promise<R>;
  /** What SIGHUP does, once the process is ready; without it the signal is left to the system. */
  readonly reload?: (running: R) => void;
  readonly log: Logger;
  /** Rejections that nobody hears of, of something that is told and dealt with elsewhere: no reason to end. */
  readonly isToldElsewhere?: (error: unknown) => boolean;
  /** How long stop() may take before the process gives up on a clean end. */
  readonly stopTimeoutMs?: number;
}

/** One Ctrl-C can arrive twice: from the terminal, and forwarded by npm or a launcher. */
const SIGNAL_REPEAT_MS = 500;

/** An error as one line for people: the message and those of its causes. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (
    let e = error;
    e !== undefined && e !== null && parts.length < 5;
    e = (e as { cause?: unknown }).cause
  ) {
    const message = e instanceof Error ? e.message : String(e);
    if (!parts.some((part) => part.includes(message))) parts.push(message);
  }
  return parts.join(': ').replace(/\s*\n\s*/g, ' ');
}

/** One line on stderr for an operating fault; with the stack for a bug. Returns the exit status, 1. */
export function reportFatal(error: unknown): 1 {
  if (error instanceof EdgelogError)
    process.stderr.write(`edgelog: ${error.code}: ${describeError(error)}\n`);
  else
    process.stderr.write(
      `edgelog: internal error: ${describeError(error)}\n${error instanceof Error ? `${error.stack}\n` : ''}`,
    );
  return 1;
}

/**
 * Runs a process until it is told to end or is done, and resolves with the exit status.
 * SIGTERM, SIGINT, or the end of a parent that holds an IPC channel call stop(); a second signal ends at once with 1. SIGHUP calls
 * reload(), where there is one, unless the terminal that the process was started at is gone: that is its end.
 * An uncaught error ends the process with 1 and without stop(): what is on disk is recovered at the next start.
 */
export async function runProcess<R extends RunningProcess>(options: RunProcessOptions<R>): Promise<number> {
  const { log, stopTimeoutMs = 30_000, isToldElsewhere, reload } = options;
  guardExit();
  const askedInStart = new AbortController();
  let onAsked: (reason: string) => void = () => {};
  const asked = new Promise<string>((resolve) => {
    onAsked = (reason) => {
      resolve(reason);
      askedInStart.abort();
    };
  });
  let firstSignalAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstSignalAt === undefined) {
      firstSignalAt = performance.now();
      return onAsked(signal);
    }
    if (performance.now() - firstSignalAt < SIGNAL_REPEAT_MS) return;
    process.stderr.write(`edgelog: second ${signal}, ending at once\n`);
    process.exit(1);
  };
  const hadTerminal =
    [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY) && hasTerminal();
  let current: R | undefined;
  let mustReload = false;
  const onHangUp = () => {
    if (hadTerminal && !hasTerminal()) return onSignal('SIGHUP');
    if (current === undefined) mustReload = true;
    else reload?.(current);
  };
  const onDisconnect = () => onAsked('the parent process ended');
  const onUncaught = (error: unknown) => process.exit(reportFatal(error));
  const onUnhandled = (error: unknown) => {
    if (isToldElsewhere?.(error) !== true) onUncaught(error);
  };
  // Whoever read the output is gone; that is no reason to stop serving.
  const onStreamError = () => {};
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('disconnect', onDisconnect);
  if (reload !== undefined) process.on('SIGHUP', onHangUp);
  process.on('uncaughtException', onUncaught).on('unhandledRejection', onUnhandled);
  // Undefined without a channel; false when the parent was gone before this line.
  if (process.connected === false) onDisconnect();
  process.stdout.on('error', onStreamError);
  process.stderr.on('error', onStreamError);
  try {
    const running = await options.start(askedInStart.signal);
    if (firstSignalAt === undefined) {
      process.stdout.write(
        running.ready.startsWith('ready') ? `${running.ready}\n` : `ready ${running.ready}\n`,
      );
    }
    current = running;
    if (mustReload) reload?.(running);
    const status = await Promise.race([
      asked.then((reason) => {
        log.info('stopping', { reason });
        return 0;
      }),
      ...(running.done === undefined ? [] : [running.done]),
    ]);
    const timer = setTimeout(() => {
      process.stderr.write(`edgelog: no clean end within ${stopTimeoutMs} ms, ending at once\n`);
      process.exit(1);
    }, stopTimeoutMs);
    await running.stop();
    clearTimeout(timer);
    log.info('stopped');
    return status;
  } catch (error) {
    return error === askedInStart.signal.reason ? 0 : reportFatal(error);
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal).off('disconnect', onDisconnect);
    process.off('SIGHUP', onHangUp);
    process.off('uncaughtException', onUncaught).off('unhandledRejection', onUnhandled);
    process.stdout.off('error', onStreamError);
    process.stderr.off('error', onStreamError);
  }
}

/** False once the terminal that controlled this process has hung up. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
