/** Takes back what was to run; harmless once it ran. */
export type Cancel = () => void;

/** When work runs that nobody waits for: by the event loop in a process, in virtual time in simulators. */
export interface Timers {
  /** Runs once, `ms` from now at the earliest. */
  after(ms: number, run: () => void): Cancel;
  /** Runs once, when everything that is at hand in this turn was done. */
  soon(run: () => void): Cancel;
}

/** The event loop. What is to run keeps no process alive. */
export const nodeTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  soon(run) {
    const immediate = setImmediate(run);
    return () => clearImmediate(immediate);
  },
};
