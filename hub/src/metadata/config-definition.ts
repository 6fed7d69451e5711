/** Kafka's numbers for the type of a config value. */
export const ConfigType = { boolean: 1, string: 2, int: 3, short: 4, long: 5, double: 6, list: 7 } as const;

/** Kafka's numbers for where a value comes from. */
export const ConfigSource = { topic: 1, dynamicBroker: 2, staticBroker: 4, default: 5 } as const;

export interface ConfigDefinition {
  readonly name: string;
  readonly type: (typeof ConfigType)[keyof typeof ConfigType];
  readonly default: string | null;
  /** Shown by tools that ask for documentation; says so where the value has no effect yet. */
  readonly doc: string;
  /** What a broker calls the value that a topic has unless it is given its own; undefined: a broker has none. */
  readonly brokerName?: string;
  /** Why a value is not allowed, or undefined. */
  readonly check: (value: string) => string | undefined;
}

type Make = (name: string, fallback: string, doc: string) => ConfigDefinition;

const wholeNumber =
  (type: ConfigDefinition['type'], typeMax: bigint) =>
  (min: number, max: number | bigint = typeMax): Make =>
  (name, fallback, doc) => ({
    name,
    type,
    default: fallback,
    doc,
    check: (value) => {
      const isAllowed = /^-?\d{1,19}$/.test(value) && BigInt(value) >= min && BigInt(value) <= max;
      return isAllowed ? undefined : `expected a whole number from ${min} to ${max}`;
    },
  });

/** Whole numbers of at least `min`, and at most `max` or what the type holds. */
export const short = wholeNumber(ConfigType.short, 2n ** 15n - 1n);
export const int = wholeNumber(ConfigType.int, 2n ** 31n - 1n);
export const long = wholeNumber(ConfigType.long, 2n ** 63n - 1n);

export const ratio: Make = (name, fallback, doc) => ({
  name,
  type: ConfigType.double,
  default: fallback,
  doc,
  check: (value) =>
    Number(value) >= 0 && Number(value) <= 1 && value.trim() !== ''
      ? undefined
      : 'expected a number from 0 to 1',
});

export const boolean: Make = (name, fallback, doc) => ({
  name,
  type: ConfigType.boolean,
  default: fallback,
  doc,
  check: (value) => (/^(true|false)$/i.test(value) ? undefined : 'expected true or false'),
});

/** One of `allowed`. */
export const choice =
  (allowed: readonly string[]): Make =>
  (name, fallback, doc) => ({
    name,
    type: ConfigType.string,
    default: fallback,
    doc,
    check: (value) => (allowed.includes(value) ? undefined : `expected ${allowed.join(' or ')}`),
  });

/** Some of `allowed`, separated by commas. */
export const someOf =
  (allowed: readonly string[]): Make =>
  (name, fallback, doc) => ({
    name,
    type: ConfigType.list,
    default: fallback,
    doc,
    check: (value) =>
      value.split(',').every((item) => allowed.includes(item.trim()))
        ? undefined
        : `expected some of ${allowed.join(', ')}`,
  });

/** What this form allows, separated by commas, or nothing. */
export const listOf =
  (form: RegExp, described: string): Make =>
  (name, fallback, doc) => ({
    name,
    type: ConfigType.list,
    default: fallback,
    doc,
    check: (value) =>
      value === '' || value.split(',').every((item) => form.test(item.trim()))
        ? undefined
        : `expected ${described}`,
  });

export const text: Make = (name, fallback, doc) => ({
  name,
  type: ConfigType.string,
  default: fallback,
  doc,
  check: () => undefined,
});
