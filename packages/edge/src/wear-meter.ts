export interface WearMeterOptions {
  /** What the block device has written so far, of whoever; undefined where that cannot be known. */
  device: () => { bytes: number; writes: number } | undefined;
  /** What the log has given to the disk since the start. */
  logBytes: () => number;
  /** Bytes of readings taken since the start. */
  ingestedBytes: () => number;
  monotonicMs: () => number;
  /** What the card may be written in its life, bytes. */
  cardBytes: number;
}

/** Since the start of the process. */
export interface WearStatus {
  /** By the whole device, whoever wrote it; null where that cannot be known. */
  deviceBytesWritten: number | null;
  /** By the log: the journal's writes exactly, those of segments reckoned by pages. */
  logBytesWritten: number;
  ingestedBytes: number;
  /** Bytes written for each byte of readings; null before there were any. */
  amplification: number | null;
  bytesPerDay: number | null;
  cardBytes: number;
  /** How long a new card would last at this pace; null in the first minute, and where nothing is written. */
  estimatedYears: number | null;
}

/** No flash is written in less: a smaller write costs a card as much. */
const FLASH_PAGE_BYTES = 4096;
const WARM_UP_MS = 60_000;
const DAY_MS = 86_400_000;
const DAYS_PER_YEAR = 365.25;

/** How fast the card wears: what the device says where it can be asked, else what the log knows of itself. */
export class WearMeter {
  readonly #options: WearMeterOptions;
  readonly #startedAt: number;
  readonly #deviceBefore: { bytes: number; writes: number } | undefined;

  constructor(options: WearMeterOptions) {
    this.#options = options;
    this.#startedAt = options.monotonicMs();
    this.#deviceBefore = options.device();
  }

  status(): WearStatus {
    const { logBytes, ingestedBytes, monotonicMs, cardBytes } = this.#options;
    const device = this.#device();
    const [log, ingested, sinceMs] = [logBytes(), ingestedBytes(), monotonicMs() - this.#startedAt];
    const written = device?.bytes ?? log;
    const worn = Math.max(written, (device?.writes ?? 0) * FLASH_PAGE_BYTES);
    const wornPerDay = sinceMs < WARM_UP_MS ? undefined : (worn / sinceMs) * DAY_MS;
    return {
      deviceBytesWritten: device?.bytes ?? null,
      logBytesWritten: log,
      ingestedBytes: ingested,
      amplification: ingested === 0 ? null : written / ingested,
      bytesPerDay: sinceMs < WARM_UP_MS ? null : (written / sinceMs) * DAY_MS,
      cardBytes,
      estimatedYears:
        wornPerDay === undefined || wornPerDay === 0 ? null : cardBytes / wornPerDay / DAYS_PER_YEAR,
    };
  }

  #device(): { bytes: number; writes: number } | undefined {
    const now = this.#options.device();
    const before = this.#deviceBefore;
    if (now === undefined || before === undefined) return undefined;
    return { bytes: now.bytes - before.bytes, writes: now.writes - before.writes };
  }
}
