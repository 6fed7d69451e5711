/**
 * Bytes taken from all agents that are not committed yet. The credit of one session bounds one session; a thousand that
 * drain their backlogs at once are bounded here, by reading no further from those that have enough under way.
 */
export interface Intake {
  readonly limitBytes: number;
  totalBytes: number;
  /** Uncommitted bytes by connection; none where there are none. */
  uncommitted: Map<number, number>;
  /** Connections that are not read, the one that waits longest first. */
  waiting: Set<number>;
}

export interface IntakeEffect {
  type: 'pause' | 'resume';
  connection: number;
}

/** What one more connection may bring with its first read after it was resumed, for a start. */
const RESUMED_BYTES = 64 * 1024;

export function createIntake(limitBytes: number): Intake {
  return { limitBytes, totalBytes: 0, uncommitted: new Map(), waiting: new Set() };
}

/**
 * A connection now has `bytes` uncommitted (0 also when it has gone). Over the limit it waits, unless it has nothing
 * under way: everybody gets one frame in, however many there are, and whoever waits is resumed by its own commit at the
 * latest. Below the limit those who wait go on in their order.
 */
export function settleIntake(intake: Intake, connection: number, bytes: number): IntakeEffect[] {
  const { limitBytes, uncommitted, waiting } = intake;
  intake.totalBytes += bytes - (uncommitted.get(connection) ?? 0);
  if (bytes === 0) uncommitted.delete(connection);
  else uncommitted.set(connection, bytes);

  const effects: IntakeEffect[] = [];
  const resume = (one: number) => {
    waiting.delete(one);
    effects.push({ type: 'resume', connection: one });
  };
  if (bytes === 0 && waiting.has(connection)) resume(connection);
  if (bytes > 0 && intake.totalBytes > limitBytes && !waiting.has(connection)) {
    waiting.add(connection);
    effects.push({ type: 'pause', connection });
  }
  let expectedBytes = intake.totalBytes;
  for (const one of waiting) {
    expectedBytes += RESUMED_BYTES;
    if (expectedBytes > limitBytes) break;
    resume(one);
  }
  return effects;
}
