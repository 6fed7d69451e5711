/** One piece of a template: text that must stand there, or a field. */
type Piece = { text: string } | { field: string };

/** `{device} t={temperature}`: fields in braces, `{}` for what is passed over; all else must stand there as it is. */
export class Template {
  readonly #pieces: readonly Piece[];
  readonly fields: readonly string[];

  /** Throws an Error that says what is wrong with the template. */
  constructor(template: string) {
    const pieces: Piece[] = [];
    for (const match of template.matchAll(/\{([^{}]*)\}|([^{}]+)|[{}]/g)) {
      const [whole, field, text] = match;
      if (field === undefined && text === undefined) throw new Error(`a ${whole} without its other half`);
      if (text === undefined && pieces.at(-1) !== undefined && 'field' in pieces.at(-1)!)
        throw new Error(`nothing between the field {${field}} and the one before it`);
      pieces.push(text === undefined ? { field: field! } : { text });
    }
    this.#pieces = pieces;
    this.fields = pieces.flatMap((piece) => ('field' in piece && piece.field !== '' ? [piece.field] : []));
  }

  /** Texts by field; undefined if the line is another. A field is as short as what follows it allows. */
  match(line: string): Map<string, string> | undefined {
    const found = new Map<string, string>();
    let at = 0;
    let open: string | undefined;
    for (const piece of this.#pieces) {
      if ('field' in piece) {
        open = piece.field;
        continue;
      }
      const next =
        open === undefined ? (line.startsWith(piece.text, at) ? at : -1) : line.indexOf(piece.text, at);
      if (next < 0) return undefined;
      if (open !== undefined) found.set(open, line.slice(at, next));
      open = undefined;
      at = next + piece.text.length;
    }
    if (open !== undefined) found.set(open, line.slice(at));
    else if (at !== line.length) return undefined;
    found.delete('');
    return found;
  }
}
