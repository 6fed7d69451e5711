import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { EdgelogError } from '@edgelog/base';

const require = createRequire(import.meta.url);
/** Loaded only where there is a file: it takes a tenth of a command's start. */
const yaml = (): typeof import('yaml') => require('yaml');

export interface ConfigFile {
  readonly value: Readonly<Record<string, unknown>>;
  /** `FILE:LINE` of a key. */
  locate(path: readonly PropertyKey[]): string;
}

/** Reads a YAML mapping. Throws CONFIG_INVALID naming the file, and the line where the YAML is wrong. */
export function readConfigFile(path: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EdgelogError('CONFIG_INVALID', `--config ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  const { LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const error = document.errors[0];
  if (error !== undefined) {
    throw new EdgelogError('CONFIG_INVALID', `${path}:${lines.linePos(error.pos[0]).line}: ${error.message}`);
  }
  const value: unknown = document.toJS() ?? {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new EdgelogError('CONFIG_INVALID', `${path} must hold "key: value" lines`);
  }
  return {
    value: value as Record<string, unknown>,
    locate(steps) {
      for (let length = steps.length; length > 0; length--) {
        const at = offsetOf(document.contents, steps.slice(0, length));
        if (at !== undefined) return `${path}:${lines.linePos(at).line}`;
      }
      return path;
    },
  };
}

/** Where in the text the key (or list item) of this path begins. */
function offsetOf(contents: unknown, path: readonly PropertyKey[]): number | undefined {
  const { isMap, isNode, isPair, isScalar } = yaml();
  const last = path.at(-1);
  const parentPath = path.slice(0, -1).map((step) => (typeof step === 'symbol' ? String(step) : step));
  const parent: unknown =
    parentPath.length === 0 ? contents : isMap(contents) ? contents.getIn(parentPath, true) : undefined;
  if (isMap(parent)) {
    const pair = parent.items.find(
      (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === last,
    );
    return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
  }
  const item: unknown =
    isMap(contents) && typeof last === 'number' ? contents.getIn([...parentPath, last], true) : undefined;
  return isNode(item) ? item.range?.[0] : undefined;
}
