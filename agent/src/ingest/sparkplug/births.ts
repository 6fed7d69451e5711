import { z } from 'zod';

/** What a birth says of an alias, or of the name of a metric that has none. */
export interface Alias {
  name: string;
  datatype: number | undefined;
}

/** Where births outlive the process: a part of the log's table. */
export interface BirthTable {
  entries(prefix: string): Iterable<[key: string, value: Buffer]>;
  put(key: string, value: Buffer): void;
}

const NODES_MAX = 500;
const ALIASES_MAX = 5000;
/** Of all nodes: a new segment of the log begins with a copy of the table they are in. */
const ALL_ALIASES_MAX = 50_000;
/** Of those, metrics without aliases: they only lose their types where there is no room. */
const ALL_NAMES_MAX = 25_000;
const NAME_LENGTH_MAX = 500;
const PREFIX = 'sparkplug/';
const storedSchema = z.array(z.tuple([z.string(), z.string(), z.number().nullable()]));

type Aliases = Map<string, Alias>;

/** Metrics without aliases are told apart by name, each device for itself. No alias looks like that. */
export function metricKey(device: string | undefined, name: string): string {
  return `${device ?? ''}\0${name}`;
}

/**
 * The aliases that edge nodes gave their metrics at birth: an alias is unique in its edge node, devices included
 * [Sparkplug 3.0, 6.4.6]. Kept over restarts, since a node that is not asked is not born again.
 */
export class Births {
  readonly #table: BirthTable;
  readonly #nodes = new Map<string, Aliases>();
  #count = 0;

  constructor(table: BirthTable) {
    this.#table = table;
    for (const [key, value] of table.entries(PREFIX)) {
      const parsed = storedSchema.safeParse(JSON.parse(value.toString()));
      if (!parsed.success) continue; // the node's next birth writes it anew
      const aliases = parsed.data.map(([alias, name, datatype]): [string, Alias] => [
        alias,
        { name, datatype: datatype ?? undefined },
      ]);
      this.#nodes.set(key.slice(PREFIX.length), new Map(aliases));
      this.#count += aliases.length;
    }
  }

  /** A node's own birth ends all aliases it had. */
  begin(node: string): void {
    const before = this.#nodes.get(node);
    if (before === undefined && this.#nodes.size >= NODES_MAX) return;
    this.#count -= before?.size ?? 0;
    this.#nodes.set(node, new Map());
  }

  /** `key`: an alias in decimal digits, or `metricKey`. False where there is no room. */
  learn(node: string, key: string, meaning: Alias): boolean {
    let aliases = this.#nodes.get(node);
    if (aliases === undefined) {
      this.begin(node);
      aliases = this.#nodes.get(node);
    }
    if (aliases === undefined || Math.max(meaning.name.length, key.length) > NAME_LENGTH_MAX) return false;
    if (!aliases.has(key)) {
      const most = meaning.name === '' ? ALL_NAMES_MAX : ALL_ALIASES_MAX;
      if (aliases.size >= ALIASES_MAX || this.#count >= most) return false;
      this.#count++;
    }
    aliases.set(key, meaning);
    return true;
  }

  resolve(node: string, key: string): Alias | undefined {
    return this.#nodes.get(node)?.get(key);
  }

  /** Writes what is known of a node; with the transaction of the birth's record when called in its turn. */
  save(node: string): void {
    const aliases = this.#nodes.get(node);
    if (aliases === undefined) return;
    const rows = [...aliases].map(([alias, { name, datatype }]) => [alias, name, datatype ?? null]);
    this.#table.put(PREFIX + node, Buffer.from(JSON.stringify(rows)));
  }
}
