const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

const NAMED: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** A character as an escape that a terminal shows as it is. */
export function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  if (code > 255) return `\\u${code.toString(16).padStart(4, '0')}`;
  return NAMED[character] ?? `\\x${code.toString(16).padStart(2, '0')}`;
}

/** Control characters and line ends as escapes: names that clients choose must not steer the terminal. */
export function withoutControls(text: string): string {
  return text.replace(CONTROL, escapeCharacter);
}
