/** Reads a clock once in a turn of the event loop, for what is asked with every message: the turn's first answer holds for all of it. */
export function perTurn(read: () => number): () => number {
  let held: number | undefined;
  const release = (): void => {
    held = undefined;
  };
  return () => {
    if (held === undefined) {
      held = read();
      setImmediate(release);
    }
    return held;
  };
}
