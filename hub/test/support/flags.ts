/** The value of a flag such as `--rounds 20`, or an error that says what is allowed. */
export function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${flag} ${text}: a whole number from 0 is allowed`);
}
