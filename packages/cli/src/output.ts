/**
 * Whoever reads the output may go away, and a disk may be full: told by the signal, so that a long command stops. What
 * it means for the exit status is decided where the process ends. Call `release` when the output is written.
 */
export function onOutputClosed(): { readonly signal: AbortSignal; release(): void } {
  const closed = new AbortController();
  const onError = () => closed.abort();
  process.stdout.on('error', onError);
  return { signal: closed.signal, release: () => void process.stdout.off('error', onError) };
}
