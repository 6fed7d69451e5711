export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

export type LogFields = Readonly<Record<string, unknown>>;

/** `event` is a short constant phrase; what varies goes into `fields`. */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export interface LoggerOptions {
  readonly component: string;
  readonly level?: LogLevel;
  /** Where lines go; default stderr. */
  readonly write?: (line: string) => void;
  /** Lines for people instead of JSON; default: whether stderr is a terminal. */
  readonly pretty?: boolean;
}

const nothing = () => {};

export interface LevelledLogger extends Logger {
  /** From the next line on. */
  setLevel(level: LogLevel): void;
}

/** One line per event: JSON, or text for people when stderr is a terminal. */
export function createLogger(options: LoggerOptions): LevelledLogger {
  const { component, level = 'info' } = options;
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const pretty = options.pretty ?? (options.write === undefined && process.stderr.isTTY === true);
  const format = pretty ? formatPretty : formatJson;
  let threshold = LOG_LEVELS.indexOf(level);
  const at = (own: LogLevel) => {
    const rank = LOG_LEVELS.indexOf(own);
    return (event: string, fields?: LogFields) => {
      if (rank >= threshold) write(format(new Date(), own, component, event, fields));
    };
  };
  const setLevel = (next: LogLevel) => {
    threshold = LOG_LEVELS.indexOf(next);
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), setLevel };
}

/** A logger that says nothing. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

function formatJson(
  time: Date,
  level: LogLevel,
  component: string,
  event: string,
  fields?: LogFields,
): string {
  return `${stringify({ time: time.toISOString(), level, component, event, ...fields })}\n`;
}

const COLOURS: Record<LogLevel, string> = { debug: '\x1b[2m', info: '', warn: '\x1b[33m', error: '\x1b[31m' };

function formatPretty(
  time: Date,
  level: LogLevel,
  component: string,
  event: string,
  fields: LogFields = {},
): string {
  const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${prettyValue(value)}`);
  const clock = time.toISOString().slice(11, 23);
  return `\x1b[2m${clock}\x1b[0m ${COLOURS[level]}${level.padEnd(5)} ${component}: ${event}${pairs.join('')}\x1b[0m\n`;
}

function prettyValue(value: unknown): string {
  if (typeof value === 'string') return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
  return value instanceof Error ? (value.stack ?? value.message) : stringify(value);
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value, replaceUnserialisable) ?? 'null';
  } catch (error) {
    return JSON.stringify({
      level: 'error',
      event: 'log fields cannot be serialised',
      reason: String(error),
    });
  }
}

function replaceUnserialisable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    const code = (value as { code?: unknown }).code;
    // An operating fault says where it is in its message; only a bug needs its stack.
    return name === 'EdgelogError' ? { code, message, cause } : { name, code, message, stack, cause };
  }
  return value;
}
