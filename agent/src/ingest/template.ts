import { EdgelogError } from '@edgelog/base';

/** Text with `{references}`, e.g. `plant-{site}`. */
export interface Template {
  readonly text: string;
  readonly references: readonly string[];
  /** The text without any reference, if there is none. */
  readonly literal: string | undefined;
  /** The text with each reference replaced by what `value` gives for it. */
  render(value: (reference: string) => string): string;
}

/** `known`: the references that may stand there, besides numbers. Throws CONFIG_INVALID naming what is allowed. */
export function template(text: string, known: readonly string[]): Template {
  const parts = text.split(/(\{[^{}]*\})/).filter((part) => part !== '');
  const references: string[] = [];
  for (const part of parts) {
    const isReference = part.startsWith('{') && part.endsWith('}');
    if (!isReference) {
      if (/[{}]/.test(part)) throw invalid(text, 'a brace without its other half');
      continue;
    }
    const reference = part.slice(1, -1);
    if (!/^[1-9][0-9]?$/.test(reference) && !known.includes(reference)) {
      const allowed = known.map((one) => `{${one}}`).join(' ');
      throw invalid(
        text,
        `${part} is not known here; allowed are ${allowed} and {1}, {2} … for the levels of the name`,
      );
    }
    references.push(reference);
  }
  const pieces = parts.map((part) => ({
    text: part,
    reference: part.startsWith('{') ? part.slice(1, -1) : undefined,
  }));
  return {
    text,
    references,
    literal: references.length === 0 ? text : undefined,
    render: (value) =>
      pieces.map(({ text: own, reference }) => (reference === undefined ? own : value(reference))).join(''),
  };
}

function invalid(text: string, why: string): EdgelogError {
  return new EdgelogError('CONFIG_INVALID', `template ${JSON.stringify(text)}: ${why}`);
}
