import { isDeepStrictEqual } from 'node:util';
import { EdgelogError } from '@edgelog/base';
import { parseValueKey, RowKind } from './keys.ts';
import { type Meta, PageFile, type Tree, type TreePage } from './page-file.ts';
import { rowName } from './row-check.ts';

/** Flags of the environment: set in a meta page whose commit is not flushed; never set by us; always set. */
const FLAG = { unflushed: 0x1000, foreign: 0x2001, always: 0x08 };
const META_PAGES = 2;
const FIRST = Buffer.alloc(0);
/** Behind a key it makes the next possible one. */
const FIRST_AFTER = Buffer.alloc(1);

/**
 * Reads the trees of a file that LMDB is about to write, and what they say of each other, before LMDB trusts them: every branch and
 * leaf page, the list of free pages, the key of every value. Batches are not read. Throws DATA_DIR_INVALID, which says what is
 * damaged. To write on would make it worse: from a wrong free list LMDB takes pages that are in use.
 */
export function checkTrees(path: string): void {
  const file = new PageFile(path);
  try {
    const meta = metaToOpen(file);
    const fault = meta === undefined ? 'its meta pages' : faultOf(file, meta);
    if (fault !== undefined) throw new EdgelogError('DATA_DIR_INVALID', `${path} is damaged: ${fault}`);
  } finally {
    file.close();
  }
}

/** The one that LMDB opens at: what was flushed last, where it says so. A copy of it must be one in all its parts. */
function metaToOpen(file: PageFile): Meta | undefined {
  const [first, second] = [file.meta(0), file.meta(1)];
  if (first === undefined || second === undefined) return undefined;
  const chosen = older(older(first, second), file.meta(2));
  const copies = [first, second].filter(({ transaction }) => transaction === chosen.transaction);
  return copies.every((copy) => isDeepStrictEqual(contentOf(copy), contentOf(chosen))) ? chosen : undefined;
}

/** What a commit and the copy that says it is flushed have in common. */
const contentOf = ({ rows, free, lastPage }: Meta) => ({ rows, free: { ...free, flags: 0 }, lastPage });

/** Of two, the newer one if it is known to be flushed, else the older one. */
function older(a: Meta, b: Meta | undefined): Meta {
  if (b === undefined || b.transaction === 0) return a;
  const [newer, other] = a.transaction >= b.transaction ? [a, b] : [b, a];
  const isFlushed = (newer.flags & FLAG.unflushed) === 0;
  return isFlushed || a.transaction === b.transaction ? newer : other;
}

function faultOf(file: PageFile, meta: Meta): string | undefined {
  const { flags, lastPage, mapBytes } = meta;
  if ((flags & FLAG.foreign) !== 0 || (flags & FLAG.always) === 0) return `flags ${flags} in its meta page`;
  if ((lastPage + 1) * file.pageBytes > mapBytes) return `${lastPage} pages in a map of ${mapBytes} bytes`;
  const pages = new PageLedger(meta);
  return (
    faultOfTree(file, meta.rows, pages, 'rows') ??
    faultOfTree(file, meta.free, pages, 'free pages') ??
    faultOfFreeList(file, meta.free, pages)
  );
}

/** Which pages are spoken for. */
class PageLedger {
  /** No page can be of a later one. */
  readonly transaction: number;
  readonly #taken: Uint8Array;

  constructor({ lastPage, transaction }: Meta) {
    this.transaction = transaction;
    this.#taken = new Uint8Array(lastPage + 1);
  }

  /** False where one of them is not in the file, or taken already. */
  take(first: number, count = 1): boolean {
    if (first < META_PAGES || first + count > this.#taken.length) return false;
    for (let page = first; page < first + count; page++) {
      if (this.#taken[page] === 1) return false;
      this.#taken[page] = 1;
    }
    return true;
  }
}

function faultOfTree(file: PageFile, tree: Tree, pages: PageLedger, name: string): string | undefined {
  let fault: string | undefined;
  const seen = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };
  const onPage = ({ number, isLeaf, transaction }: TreePage) => {
    if (isLeaf) seen.leafPages++;
    else seen.branchPages++;
    // LMDB writes pages of a later transaction in place.
    if (transaction > pages.transaction) fault ??= `page ${number} of the ${name}`;
    if (!pages.take(number)) fault ??= `page ${number} of the ${name} is used twice`;
  };
  const onBad = (number: number) => {
    fault ??= `page ${number} of the ${name}`;
  };
  let lowest: Buffer = FIRST;
  const onSeparator = (key: Buffer) => {
    if (name === 'rows' && Buffer.compare(lowest, key) > 0) {
      fault ??= `the key ${key.toString('hex')} of a branch`;
    }
    lowest = key;
  };
  for (const { key, value } of file.nodes(tree, FIRST, { onBad, onPage, onSeparator })) {
    seen.entries++;
    const isOrdered = name !== 'rows' || Buffer.compare(lowest, key) <= 0;
    const isSound = key[0] !== RowKind.value || name !== 'rows' || parseValueKey(key) !== undefined;
    if (!isOrdered || !isSound) fault ??= `the key of a ${rowName(key)} row, ${key.toString('hex')}`;
    if (value.inline === undefined) {
      seen.overflowPages += value.pages;
      const isPlausible =
        value.pages === file.pagesFor(value.sizeBytes) &&
        value.transaction <= pages.transaction &&
        pages.take(value.page, value.pages) &&
        (key[0] === RowKind.value || file.agrees(value)); // what is written anew gives its pages back
      if (!isPlausible) fault ??= `the place of a ${rowName(key)} row, ${key.toString('hex')}`;
    }
    if (fault !== undefined) return fault;
    lowest = Buffer.concat([key, FIRST_AFTER]);
  }
  for (const [what, count] of Object.entries(seen)) {
    if (tree[what as keyof typeof seen] !== count) {
      fault ??= `${count} ${what} in the tree of ${name}, its meta page says ${tree[what as keyof typeof seen]}`;
    }
  }
  return fault;
}

/** Each entry is a count of words, and as many words: the number of a page, or how many follow each other and the first one. */
function faultOfFreeList(file: PageFile, free: Tree, pages: PageLedger): string | undefined {
  for (const { value } of file.nodes(free, FIRST)) {
    const bytes = file.read(value, (sizeBytes) => Buffer.alloc(sizeBytes));
    const fault = 'the list of free pages';
    if (bytes === undefined || bytes.length < 8) return fault;
    const words = Number(bytes.readBigInt64LE(0));
    if (words < 0 || 8 * (words + 1) > bytes.length) return fault;
    for (let i = 1; i <= words; i++) {
      let word = Number(bytes.readBigInt64LE(8 * i));
      let count = 1;
      if (word < 0) {
        if (++i > words) return fault;
        count = -word;
        word = Number(bytes.readBigInt64LE(8 * i));
      }
      if (word !== 0 && !pages.take(word, count)) return fault;
    }
  }
  return undefined;
}
