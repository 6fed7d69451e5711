const EVERY_MS = 5_000;

/** Says on stderr every few seconds how far a long command has come. Returns what ends it. */
export function reportProgress(describe: () => string): () => void {
  const timer = setInterval(() => process.stderr.write(`edgelog: ${describe()}\n`), EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Calls `stop` at the first SIGINT or SIGTERM; a second one ends the process as usual. Returns what takes it back. */
export function onInterrupt(stop: () => void): () => void {
  const once = () => {
    release();
    stop();
  };
  const release = () => void process.off('SIGINT', once).off('SIGTERM', once);
  process.on('SIGINT', once).on('SIGTERM', once);
  return release;
}
