/**
 * Why a message cannot be decoded or encoded. The path grows from the inside out while the stack unwinds, so the hot
 * path pays nothing for it.
 */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly kind: 'corrupt' | 'bad value' | 'version';
  readonly reason: string;
  /** Byte in the frame; −1 when encoding. */
  readonly at: number;
  path = '';

  constructor(kind: Fault['kind'], reason: string, at = -1) {
    super(reason);
    this.kind = kind;
    this.reason = reason;
    this.at = at;
  }
}

/** Runs `step`; a fault thrown in it learns that it happened inside `part`: `.name` or `[index]`. */
export function within<T>(part: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof Fault) error.path = part + error.path;
    throw error;
  }
}
