import { assert } from '@edgelog/base';
import type { FieldLayout } from '../schema/layout.ts';

/** Source text of a codec in the making. */
export class Source {
  #lines: string[] = [];
  #names = 0;

  line(text: string): void {
    this.#lines.push(text);
  }

  /** A name that the source does not have yet. */
  name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }

  text(): string {
    return this.#lines.join('\n');
  }
}

/** A field's name as source text. Names come from our own schemas; this makes sure of it. */
export function fieldName(field: FieldLayout): string {
  assert(/^[a-z][A-Za-z0-9]*$/.test(field.name), `${field.name} is no field name`);
  return field.name;
}

/** An expression for a fresh default of the field. */
export function fallbackSource(field: FieldLayout): string {
  const { fallback, type } = field;
  if (fallback === undefined) {
    if (type.kind === 'array') return '[]';
    assert(type.kind === 'struct', `${field.name} has no default`);
    const inner = type.struct.fields.map((f) => `${fieldName(f)}: ${fallbackSource(f)}`);
    return `{ ${inner.join(', ')} }`;
  }
  if (Buffer.isBuffer(fallback)) return 's.empty';
  return typeof fallback === 'bigint' ? `${fallback}n` : JSON.stringify(fallback);
}

/** Compiles `function name(params) { body }` with the codecs' support as `s`. The text holds nothing from outside. */
export function compileFunction<F>(support: object, name: string, params: string, body: string): F {
  return new Function('s', `'use strict';\nreturn function ${name}(${params}) {\n${body}\n};`)(support) as F;
}
