import { EdgelogError } from '@edgelog/base';
import type { StoredDamage } from './types.ts';

/** Ranges remembered; what is beyond is forgotten, oldest first, and told again when it is met again. */
const RANGES_MAX = 1000;

/** A read met what is damaged. `damage` says how far it reaches: what lies after it can be read. */
export class StoredDamageError extends EdgelogError {
  readonly damage: StoredDamage;

  constructor(damage: StoredDamage, options?: { cause?: unknown }) {
    const { partition, baseOffset, endOffset, reason } = damage;
    super(
      'CORRUPT_BATCH',
      `${partition} at offset ${baseOffset}: ${reason}; damaged up to ${endOffset}`,
      options,
    );
    this.damage = damage;
  }
}

/** What reading has found damaged since the store was opened. Each range is told once. */
export class DamageRegister {
  readonly #found = new Set<StoredDamage>();
  readonly #tell: (damage: StoredDamage) => void;

  constructor(tell: (damage: StoredDamage) => void) {
    this.#tell = tell;
  }

  get ranges(): Iterable<StoredDamage> {
    return this.#found;
  }

  /** Ranges that touch become one. */
  add(damage: StoredDamage): void {
    let { baseOffset, endOffset } = damage;
    for (const known of this.#found) {
      if (known.partition !== damage.partition) continue;
      if (known.baseOffset <= damage.baseOffset && known.endOffset >= damage.endOffset) return;
      if (known.baseOffset > endOffset || known.endOffset < baseOffset) continue;
      baseOffset = Math.min(baseOffset, known.baseOffset);
      endOffset = Math.max(endOffset, known.endOffset);
      this.#found.delete(known);
    }
    this.#found.add({ ...damage, baseOffset, endOffset });
    for (const oldest of this.#found) {
      if (this.#found.size <= RANGES_MAX) break;
      this.#found.delete(oldest);
    }
    this.#tell(damage);
  }

  /** What lies wholly below `logStartOffset` is no damage to anyone any more. */
  forgetBelow(partition: string, logStartOffset: number): void {
    for (const known of this.#found) {
      if (known.partition === partition && known.endOffset <= logStartOffset) this.#found.delete(known);
    }
  }

  /** What lies at or above `endOffset` is not there any more. */
  forgetFrom(partition: string, endOffset: number): void {
    for (const known of [...this.#found]) {
      if (known.partition !== partition || known.endOffset <= endOffset) continue;
      this.#found.delete(known);
      if (known.baseOffset < endOffset) this.#found.add({ ...known, endOffset });
    }
  }

  /** The range that holds the offset, if it is known. */
  at(partition: string, offset: number): StoredDamage | undefined {
    for (const known of this.#found) {
      if (known.partition === partition && known.baseOffset <= offset && offset < known.endOffset)
        return known;
    }
    return undefined;
  }
}
