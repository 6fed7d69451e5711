import type { WriteStream } from 'node:tty';

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[2J';
const LEAVE = '\x1b[?25h\x1b[?1049l';
/** The terminal shows nothing between these two, where it knows them. */
const BEGIN_UPDATE = '\x1b[?2026h';
const END_UPDATE = '\x1b[?2026l';

/** Rows of text on the terminal's second screen. Only rows that changed are written, in one piece, so nothing flickers. */
export class Screen {
  readonly #out: WriteStream;
  #rows: string[] = [];
  readonly #onResize: () => void;

  readonly #leave = () => void this.#out.write(LEAVE);

  constructor(out: WriteStream, onResize: () => void) {
    this.#out = out;
    this.#onResize = () => {
      this.#rows = [];
      out.write('\x1b[2J');
      onResize();
    };
    out.write(ENTER);
    out.on('resize', this.#onResize);
    // However this process ends, the terminal is given back as it was.
    process.on('exit', this.#leave);
  }

  get columns(): number {
    return this.#out.columns || 80;
  }
  get height(): number {
    return this.#out.rows || 24;
  }

  draw(rows: readonly string[]): void {
    let update = '';
    for (let i = 0; i < Math.max(rows.length, this.#rows.length); i++) {
      const row = rows[i] ?? '';
      if (row !== this.#rows[i]) update += `\x1b[${i + 1};1H${row}\x1b[K`;
    }
    this.#rows = [...rows];
    if (update !== '') this.#out.write(BEGIN_UPDATE + update + END_UPDATE);
  }

  close(): void {
    this.#out.off('resize', this.#onResize);
    process.off('exit', this.#leave);
    this.#leave();
  }
}
