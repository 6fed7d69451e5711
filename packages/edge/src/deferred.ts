/** The promise that all readings of one turn share; `resolve` and `reject` follow the commit that holds them. */
export interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/** A rejection that nobody waits for (a QoS 0 publish) is no unhandled one. */
export function deferred(): Deferred {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  return { promise, resolve, reject };
}
