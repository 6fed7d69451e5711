/** The promise that all readings of one turn share; `resolve` and `reject` follow the commit that holds them. */
export interface Deferred {
  readonly promise: Promise<void>;
  /** When it was resolved. */
  readonly doneMs: number | undefined;
  /** ms of the monotonic clock. */
  resolve(nowMs: number): void;
  reject(error: unknown): void;
}

/** A rejection that nobody waits for (a QoS 0 publish) is no unhandled one. */
export function deferred(): Deferred {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  const made = {
    promise,
    doneMs: undefined as number | undefined,
    resolve: (nowMs: number) => {
      made.doneMs = nowMs;
      resolve();
    },
    reject,
  };
  return made;
}
