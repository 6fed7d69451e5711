import type { Field } from './settings-fields.ts';

export interface HelpOptions {
  readonly command: string;
  readonly summary: string;
  readonly fields: readonly Field[];
  readonly positionals?: readonly string[];
  readonly notes?: string;
  readonly sources?: 'all' | 'flags';
}

const WIDTH = 100;
const INDENT = 34;

/** The text of --help, from the descriptions and defaults of a schema. */
export function renderHelp(options: HelpOptions): string {
  const { command, summary, fields, positionals = [], notes, sources = 'all' } = options;
  const words = positionals.map((key) => {
    const field = fields.find((one) => one.key === key);
    const name = key.toUpperCase() + (field?.isList ? '…' : '');
    return field?.isRequired ? ` ${name}` : ` [${name}]`;
  });
  const flags = fields.filter(({ kind, isHidden }) => kind !== 'structured' && !isHidden);
  const describeFlag = (field: Field) => {
    const word = positionals.includes(field.key) ? `${field.key.toUpperCase()}, or ` : '';
    return entry(word + flagUsage(field), describe(field));
  };
  const fileOnly = fields.filter(({ kind, isHidden }) => kind === 'structured' && !isHidden);
  const paragraphs = [
    `Usage: ${command} [flags]${words.join('')}`,
    wrap(summary, 0),
    ['Flags:', ...flags.map(describeFlag)].join('\n'),
  ];
  if (fileOnly.length > 0) {
    paragraphs.push(
      ['Only in the YAML file:', ...fileOnly.map((field) => entry(field.key, describe(field)))].join('\n'),
    );
  }
  const help = entry('--help', 'This text.');
  if (sources === 'flags') paragraphs.push(help);
  else {
    const config = 'YAML file with the same settings, camelCase: dataDir, not --data-dir.';
    paragraphs.push(
      [entry('--config FILE', config), help].join('\n'),
      'Each flag can also be set by a variable: EDGELOG_DATA_DIR for --data-dir. Flags override variables, those the file.',
    );
  }
  const units = new Set(flags.flatMap(({ unit }) => (unit === undefined ? [] : [unit.note])));
  if (units.size > 0) paragraphs.push([...units].join('\n'));
  if (notes !== undefined) paragraphs.push(notes);
  return `${paragraphs.join('\n\n')}\n`;
}

function flagUsage({ flag, kind, isList, allowed, unit, defaultValue }: Field): string {
  if (kind === 'boolean' && !isList) return defaultValue === true ? `--[no-]${flag.slice(2)}` : flag;
  const plain = kind === 'number' ? 'N' : kind === 'enum' ? allowed.join('|') : 'VALUE';
  const value = unit?.word ?? plain;
  return `${flag} ${value}${isList ? '[,…]' : ''}`;
}

function describe({ description, isRequired, defaultValue, kind, unit }: Field): string {
  const isShown =
    defaultValue !== undefined &&
    defaultValue !== false &&
    kind !== 'structured' &&
    !(Array.isArray(defaultValue) && defaultValue.length === 0);
  const shown =
    unit !== undefined && typeof defaultValue === 'number'
      ? unit.format(defaultValue)
      : Array.isArray(defaultValue)
        ? defaultValue.join(',')
        : String(defaultValue);
  const suffix = isRequired ? ' (required)' : isShown && shown !== '' ? ` (default ${shown})` : '';
  return description + suffix;
}

function entry(left: string, right: string): string {
  const head = `  ${left}`;
  const body = wrap(right, INDENT);
  return head.length < INDENT - 1 ? head.padEnd(INDENT) + body : `${head}\n${' '.repeat(INDENT)}${body}`;
}

/** Breaks text into lines; all but the first are indented. */
function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.join(`\n${' '.repeat(indent)}`);
}
