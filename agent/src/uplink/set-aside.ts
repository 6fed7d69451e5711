import { mkdir, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import type { Alarms, PoisonBatch } from '@edgelog/edge';
import { z } from 'zod';

const reasonSchema = z.object({
  topic: z.string(),
  logId: z.string(),
  producerId: z.number(),
  firstOffset: z.number(),
  lastOffset: z.number(),
  code: z.string(),
  message: z.string(),
  bytes: z.number(),
  setAsideAt: z.string(),
});
/** What is known of a batch that was set aside, as its JSON file has it. */
export type SetAsideBatch = z.output<typeof reasonSchema> & { file: string };

export interface SetAsideOptions {
  /** Made when it is needed. */
  dir: string;
  maxBytes: number;
  now: () => number;
  alarms: Alarms;
}

const ALARM = 'set aside';

/**
 * Batches that a hub refuses for good: each as `NAME.batch`, the record batch as it is, beside `NAME.json`, which says why. They stay until an
 * operator takes them away; `edgelog dump FILE` prints them.
 */
export class SetAside {
  readonly #options: SetAsideOptions;
  readonly #batches: SetAsideBatch[] = [];

  private constructor(options: SetAsideOptions) {
    this.#options = options;
  }

  /** Throws CONFIG_INVALID or the file system's error for a directory that cannot be read. */
  static async open(options: SetAsideOptions): Promise<SetAside> {
    const setAside = new SetAside(options);
    await setAside.#load();
    setAside.#tell();
    return setAside;
  }

  list(): readonly SetAsideBatch[] {
    return this.#batches;
  }

  /** Durable when resolved. Rejects with LIMIT_EXCEEDED where there is no room, STORE_FAILED where it cannot be written. */
  async keep({ batch, ...what }: PoisonBatch): Promise<void> {
    const { dir, maxBytes, now } = this.#options;
    const usedBytes = this.#batches.reduce((sum, { bytes }) => sum + bytes, 0);
    if (usedBytes + batch.length > maxBytes) {
      throw new EdgelogError(
        'LIMIT_EXCEEDED',
        `${dir} holds ${usedBytes} bytes of ${maxBytes}: take batches away from it, or raise --set-aside-bytes`,
      );
    }
    const file = `${what.topic}-${what.firstOffset}-${what.logId.slice(0, 8)}`;
    const reason = { ...what, bytes: batch.length, setAsideAt: new Date(now()).toISOString() };
    try {
      await mkdir(dir, { recursive: true });
      await writeDurably(join(dir, `${file}.batch`), batch);
      await writeDurably(join(dir, `${file}.json`), Buffer.from(`${JSON.stringify(reason, undefined, 2)}\n`));
      await syncDirectory(dir);
    } catch (error) {
      throw new EdgelogError(
        'STORE_FAILED',
        `a batch cannot be set aside in ${dir}: ${(error as Error).message}`,
      );
    }
    const known = this.#batches.findIndex((one) => one.file === file);
    if (known >= 0) this.#batches.splice(known, 1);
    this.#batches.push({ ...reason, file });
    this.#tell();
  }

  #tell(): void {
    const last = this.#batches.at(-1);
    if (last === undefined) return;
    const { dir, alarms } = this.#options;
    const { topic, firstOffset, lastOffset, code, message } = last;
    alarms.raise(
      ALARM,
      `${this.#batches.length} batches that the hub refuses for good are in ${dir}, the last of stream ${topic}, offsets ${firstOffset} to ${lastOffset}: ${code}: ${message}`,
    );
  }

  async #load(): Promise<void> {
    const { dir } = this.#options;
    const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names.filter((one) => one.endsWith('.json')).sort()) {
      const parsed = reasonSchema.safeParse(parseJson(await readFile(join(dir, name), 'utf8')));
      const file = name.slice(0, -'.json'.length);
      const isThere = await stat(join(dir, `${file}.batch`)).then(
        () => true,
        () => false,
      );
      if (parsed.success && isThere) this.#batches.push({ ...parsed.data, file });
    }
    this.#batches.sort((a, b) => a.setAsideAt.localeCompare(b.setAsideAt));
  }
}

/** Undefined for what is not JSON: the schema refuses it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
