import type { LineSettings } from '@edgelog/devices/profiles/decoder.ts';
import { CERTAIN, type Guess, judge } from './judge.ts';
import { lineName, type Sample } from './sample.ts';

/** Opens the port as set and listens for so long; what came before it was aborted counts. */
export type Listen = (line: LineSettings, ms: number, signal: AbortSignal) => Promise<Sample>;

export interface ProbeOptions {
  listen: Listen;
  /** Bits per second to try, in this order. */
  baudRates: readonly number[];
  listenMs: number;
  signal: AbortSignal;
  /** Told before each listening and after it. */
  onTry(line: LineSettings): void;
  onGuess(guess: Guess): void;
}

/** The speeds of most instruments, the likeliest first. */
export const BAUD_RATES = [
  9600, 115_200, 19_200, 38_400, 57_600, 4800, 2400, 1200, 300, 230_400, 460_800, 921_600,
] as const;

const PLAIN = { dataBits: 8, parity: 'none', stopBits: 1 } as const;

/**
 * Listens at one speed after the other until a guess is certain; the best guess is first. Silence at one speed says nothing:
 * bytes without a right stop bit are dropped by the kernel, and of a much slower sender those are all.
 */
export async function probe(options: ProbeOptions): Promise<Guess[]> {
  const { listen, baudRates, listenMs, signal, onTry, onGuess } = options;
  const guesses: Guess[] = [];
  const candidates: LineSettings[] = [
    ...baudRates.map((baudRate) => ({ ...PLAIN, baudRate })),
    // With even parity read as none, most bytes are lost; Modbus and M-Bus are set so by their standards.
    ...baudRates
      .filter((baudRate) => baudRate === 19_200 || baudRate === 9600 || baudRate === 2400)
      .map((baudRate) => ({ ...PLAIN, baudRate, parity: 'even' as const })),
  ];
  for (const line of candidates) {
    if (signal.aborted) break;
    onTry(line);
    const guess = judge(await listen(line, listenMs, signal));
    guesses.push(guess);
    onGuess(guess);
    if (guess.score >= CERTAIN) break;
  }
  return rank(guesses);
}

/** Best first; of equals the one with more bytes: a wrong speed loses some. */
export function rank(guesses: readonly Guess[]): Guess[] {
  return guesses.toSorted((a, b) => b.score - a.score || b.bytes - a.bytes);
}

/** `9600 8N1: lines of text (99 % of the bytes are printable)` */
export function describeGuess({ line, what, because, bytes }: Guess): string {
  return `${lineName(line)}: ${what} (${because}; ${bytes} bytes)`;
}
