/**
 * Whoever reads the output may go away, as `head` does: that is an end like any other, told by the signal. Call
 * `release` when the output is written.
 */
export function onOutputClosed(): { readonly signal: AbortSignal; release(): void } {
  const closed = new AbortController();
  const onError = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    closed.abort();
  };
  process.stdout.on('error', onError);
  return { signal: closed.signal, release: () => void process.stdout.off('error', onError) };
}
