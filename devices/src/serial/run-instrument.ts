import type { Instrument } from './instrument.ts';
import { openPseudoTerminal, type PseudoTerminal } from './pty.ts';

/** Opens a pseudo-terminal at `path` with the instrument at its other end. Throws CONFIG_INVALID where none can be made. */
export async function runInstrument(path: string, instrument: Instrument): Promise<PseudoTerminal> {
  const terminal = await openPseudoTerminal(path);
  terminal.output.on('data', (chunk: Buffer) => instrument.bytes(chunk));
  instrument.start({
    write: (bytes) => void terminal.input.write(bytes),
    timers: {
      now: () => performance.now(),
      after(ms, run) {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
    },
  });
  void terminal.failed.then(() => instrument.stop());
  return {
    ...terminal,
    async close() {
      instrument.stop();
      await terminal.close();
    },
  };
}
