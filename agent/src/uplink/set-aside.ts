import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
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
/** How often it is looked what an operator has taken away. */
const LOOK_EVERY_MS = 10_000;
/** A file system takes names of 255 bytes, a topic may have 249. */
const TOPIC_IN_NAME_MAX = 200;

/**
 * Batches that a hub refuses for good: each as `NAME.batch`, the record batch as it is, beside `NAME.json`, which says why. They stay until an
 * operator takes them away; `edgelog dump FILE` prints them.
 */
export class SetAside {
  readonly #options: SetAsideOptions;
  readonly #timer: NodeJS.Timeout;
  #batches: SetAsideBatch[] = [];
  #usedBytes = 0;
  /** One thing at a time: what is there is counted before something is added. */
  #work: Promise<void> = Promise.resolve();

  private constructor(options: SetAsideOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look().catch(() => {}), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** Throws the file system's error for a directory that cannot be read. */
  static async open(options: SetAsideOptions): Promise<SetAside> {
    const setAside = new SetAside(options);
    try {
      await setAside.look();
    } catch (error) {
      await setAside.stop();
      throw error;
    }
    return setAside;
  }

  list(): readonly SetAsideBatch[] {
    return this.#batches;
  }

  /** What all files of the directory take, as it was last looked at. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Counts anew what is in the directory: an operator may take batches away at any time. */
  look(): Promise<void> {
    return this.#alone(async () => {
      await this.#load();
      this.#tell();
    });
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#work;
  }

  /** Durable when resolved. Rejects with LIMIT_EXCEEDED where there is no room, STORE_FAILED where it cannot be written. */
  keep(poison: PoisonBatch): Promise<void> {
    return this.#alone(async () => {
      try {
        await this.#keep(poison);
      } catch (error) {
        if (error instanceof EdgelogError) throw error;
        const { message } = error as Error;
        throw new EdgelogError(
          'STORE_FAILED',
          `a batch cannot be set aside in ${this.#options.dir}: ${message}`,
        );
      }
    });
  }

  async #keep({ batch, ...what }: PoisonBatch): Promise<void> {
    const { dir, maxBytes, now } = this.#options;
    await this.#load();
    const file = `${what.topic.slice(0, TOPIC_IN_NAME_MAX)}-${what.firstOffset}-${what.logId.slice(0, 8)}`;
    // After a crash before its gap was on disk it comes a second time.
    const isKnown = this.#batches.some((one) => one.file === file);
    if (!isKnown && this.#usedBytes + batch.length > maxBytes) {
      throw new EdgelogError(
        'LIMIT_EXCEEDED',
        `${dir} holds ${this.#usedBytes} bytes of ${maxBytes}: take batches away from it, or raise --set-aside-bytes, of which a sixteenth of --max-disk-bytes counts`,
      );
    }
    const reason = { ...what, bytes: batch.length, setAsideAt: new Date(now()).toISOString() };
    const paths = { batch: join(dir, `${file}.batch`), json: join(dir, `${file}.json`) };
    if (!isKnown) {
      await mkdir(dir, { recursive: true });
      try {
        await writeDurably(paths.batch, batch);
        await writeDurably(paths.json, Buffer.from(`${JSON.stringify(reason, undefined, 2)}\n`));
      } catch (error) {
        for (const path of Object.values(paths)) await rm(path, { force: true });
        throw error;
      }
    }
    await syncDirectory(dir);
    await this.#load();
    this.#tell();
  }

  #alone(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  #tell(): void {
    const last = this.#batches.at(-1);
    const { dir, alarms } = this.#options;
    if (last === undefined) {
      alarms.clear(ALARM);
      return;
    }
    const { topic, firstOffset, lastOffset, code, message } = last;
    alarms.raise(
      ALARM,
      `${this.#batches.length} batches that the hub refuses for good are in ${dir}, the last of stream ${topic}, offsets ${firstOffset} to ${lastOffset}: ${code}: ${message}`,
    );
  }

  async #load(): Promise<void> {
    const { dir } = this.#options;
    const names = await readdir(dir).catch(noneThere([]));
    const sizes = new Map<string, number>();
    for (const name of names) {
      const { size } = await stat(join(dir, name)).catch(noneThere({ size: 0 }));
      sizes.set(name, size);
    }
    const batches: SetAsideBatch[] = [];
    for (const name of names.filter((one) => one.endsWith('.json'))) {
      const file = name.slice(0, -'.json'.length);
      const parsed = reasonSchema.safeParse(
        parseJson(await readFile(join(dir, name), 'utf8').catch(noneThere(''))),
      );
      if (parsed.success && sizes.get(`${file}.batch`) === parsed.data.bytes)
        batches.push({ ...parsed.data, file });
    }
    this.#batches = batches.sort((a, b) => a.setAsideAt.localeCompare(b.setAsideAt));
    this.#usedBytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  }
}

/** What is taken away while it is looked at is not there. */
function noneThere<T>(nothing: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return nothing;
    throw error;
  };
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
