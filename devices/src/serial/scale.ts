import type { Random } from '../random.ts';
import { Weighing } from '../signals/weighing.ts';

/**
 * The lines of a weighing instrument: `W,+0012.34,kg,S,000042` and CR LF. W, the weight with sign, its unit, S for stable
 * or D for moving, and a record number without gaps.
 */
export class Scale {
  readonly #weighing: Weighing;
  #seq = 0;

  constructor(random: Random) {
    this.#weighing = new Weighing(random);
  }

  get lines(): number {
    return this.#seq;
  }

  line(timeMs: number): string {
    const { kg, isStable } = this.#weighing.sample(timeMs);
    const sign = kg < 0 ? '-' : '+';
    const digits = Math.abs(kg).toFixed(2).padStart(7, '0');
    const record = String(this.#seq).padStart(6, '0');
    this.#seq += 1;
    return `W,${sign}${digits},kg,${isStable ? 'S' : 'D'},${record}\r\n`;
  }
}
