import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Layout of lmdb-js 3's file (data version 2), little endian. Offsets within a page count from its header's end. */
const HEADER_BYTES = 24;
const META = { magic: 0xbeefc0de, version: 2, at: HEADER_BYTES, bytes: 144, dbAt: 24, dbBytes: 48 };
const FLAG = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08, bigData: 0x01 };
const NODE_BYTES = 8;
/** Where a value lies that is too large for its leaf: page number, transaction, number of pages. */
const PLACE_BYTES = 24;
const NO_PAGE = 2 ** 64;
const DEPTH_MAX = 32;
const PAGES_CACHED = 64;

/** One of the trees in the file: the list of free pages, or the rows. */
export interface Tree {
  flags: number;
  depth: number;
  branchPages: number;
  leafPages: number;
  overflowPages: number;
  entries: number;
  /** Undefined while the tree is empty. */
  root: number | undefined;
}

/** What a commit left behind: the trees, and which transaction it was. */
export interface Meta {
  flags: number;
  mapBytes: number;
  free: Tree;
  rows: Tree;
  lastPage: number;
  transaction: number;
}

/** A branch or leaf page whose own structure holds: every node lies within it. */
export interface TreePage {
  number: number;
  transaction: number;
  isLeaf: boolean;
  nodes: readonly Node[];
}

export interface Node {
  key: Buffer;
  /** Of a branch. */
  child: number;
  /** Of a leaf. */
  value: Value;
}

/** Bytes within the leaf, or on pages of their own, from `page` on. */
export type Value =
  | { inline: Buffer }
  | { inline?: undefined; page: number; pages: number; sizeBytes: number; transaction: number };

/**
 * Reads an LMDB file by itself, page by page, and believes nothing: LMDB follows what it reads without a look at it, and a
 * flipped bit there ends the process. Pages are read, not mapped, so a bad sector is an error and no signal.
 */
export class PageFile {
  readonly path: string;
  readonly #file: number;
  readonly #sizeBytes: number;
  readonly #pages = new Map<number, TreePage>();
  readonly pageBytes: number;

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'r');
    this.#sizeBytes = fstatSync(this.#file).size;
    this.pageBytes = this.#findPageBytes();
  }

  close(): void {
    closeSync(this.#file);
  }

  /**
   * Undefined where it is none, or an implausible one. `index` 2 is what was flushed last (`overlappingSync`), transaction 0 where there
   * is none; it has no magic number.
   */
  meta(index: 0 | 1 | 2): Meta | undefined {
    const at = index === 2 ? this.pageBytes / 2 : index * this.pageBytes;
    const bytes = Buffer.alloc(META.at + META.bytes);
    if (!this.#fill(bytes, at)) return undefined;
    const isMeta =
      (bytes.readUInt16LE(18) & FLAG.meta) !== 0 &&
      bytes.readUInt32LE(META.at) === META.magic &&
      bytes.readUInt32LE(META.at + 4) === META.version;
    if (!isMeta && index !== 2) return undefined;
    const free = readTree(bytes, META.at + META.dbAt);
    const rows = readTree(bytes, META.at + META.dbAt + META.dbBytes);
    const tailAt = META.at + META.dbAt + 2 * META.dbBytes;
    return {
      flags: free.flags,
      mapBytes: uint64(bytes, META.at + 16),
      free,
      rows,
      lastPage: uint64(bytes, tailAt),
      transaction: uint64(bytes, tailAt + 8),
    };
  }

  /** Undefined where the page is not what a tree can have at that place. Pages read last are kept. */
  page(number: number): TreePage | undefined {
    const cached = this.#pages.get(number);
    if (cached !== undefined) return cached;
    const bytes = Buffer.allocUnsafeSlow(this.pageBytes);
    const page =
      number >= 2 && this.#fill(bytes, number * this.pageBytes) ? readPage(bytes, number) : undefined;
    if (page === undefined) return undefined;
    if (this.#pages.size >= PAGES_CACHED) this.#pages.delete(this.#pages.keys().next().value!);
    this.#pages.set(number, page);
    return page;
  }

  /** The value's bytes, in `scratch(size)` where they are not in the leaf. Undefined where they cannot be there. */
  read(value: Value, scratch: (bytes: number) => Buffer): Buffer | undefined {
    if (value.inline !== undefined) return value.inline;
    const { page, pages, sizeBytes } = value;
    const at = page * this.pageBytes + HEADER_BYTES;
    const isWhole = pages === this.pagesFor(sizeBytes) && page >= 2 && at + sizeBytes <= this.#sizeBytes;
    if (!isWhole) return undefined;
    const bytes = scratch(sizeBytes);
    return this.#fill(bytes, at) ? bytes : undefined;
  }

  /** Whether the first of the value's own pages says of itself what its leaf says of it. */
  agrees({ page, pages, transaction }: Exclude<Value, { inline: Buffer }>): boolean {
    const header = Buffer.alloc(HEADER_BYTES);
    return (
      this.#fill(header, page * this.pageBytes) &&
      uint64(header, 0) === page &&
      uint64(header, 8) === transaction &&
      header.readUInt16LE(18) === FLAG.overflow &&
      header.readUInt32LE(20) === pages
    );
  }

  /** How many pages a value takes that is too large for a leaf. */
  pagesFor(sizeBytes: number): number {
    return Math.ceil((HEADER_BYTES + sizeBytes) / this.pageBytes);
  }

  /** Nodes of the tree's leaves in key order from `bound` on, or against it from before `bound` on. */
  *nodes(tree: Tree, bound: Buffer, options: WalkOptions = {}): Generator<Node, void, undefined> {
    if (tree.root !== undefined) yield* this.#under(tree.root, tree.depth, bound, options);
  }

  *#under(
    number: number,
    depth: number,
    bound: Buffer,
    options: WalkOptions,
  ): Generator<Node, void, undefined> {
    const { isReverse = false, onPage, onBad } = options;
    const page = depth > 0 && depth <= DEPTH_MAX ? this.page(number) : undefined;
    if (page === undefined || page.isLeaf !== (depth === 1)) {
      onBad?.(number);
      return;
    }
    onPage?.(page);
    const { nodes } = page;
    for (let step = 0; step < nodes.length; step++) {
      const i = isReverse ? nodes.length - 1 - step : step;
      const node = nodes[i]!;
      if (page.isLeaf) {
        if (Buffer.compare(node.key, bound) < 0 === isReverse) yield node;
        continue;
      }
      const next = nodes[i + 1];
      const isOutside = isReverse
        ? i > 0 && Buffer.compare(node.key, bound) >= 0
        : next !== undefined && Buffer.compare(next.key, bound) <= 0;
      if (i > 0) options.onSeparator?.(node.key);
      if (!isOutside) yield* this.#under(node.child, depth - 1, bound, options);
    }
  }

  /** The second meta page lies at the start of the second page. */
  #findPageBytes(): number {
    const magic = Buffer.alloc(4);
    for (let bytes = 4096; bytes <= 65_536; bytes *= 2) {
      if (this.#fill(magic, bytes + META.at) && magic.readUInt32LE() === META.magic) return bytes;
    }
    return 4096;
  }

  #fill(bytes: Buffer, at: number): boolean {
    try {
      return readSync(this.#file, bytes, 0, bytes.length, at) === bytes.length;
    } catch {
      return false; // a bad sector
    }
  }
}

/** A page that cannot be read is left out with all that is under it. */
interface WalkOptions {
  isReverse?: boolean;
  onPage?: (page: TreePage) => void;
  onBad?: (number: number) => void;
  /** The key of a branch, between what comes before it and what comes from it on. */
  onSeparator?: (key: Buffer) => void;
}

const NO_KEY = Buffer.alloc(0);

function readTree(bytes: Buffer, at: number): Tree {
  const root = uint64(bytes, at + 40);
  return {
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    branchPages: uint64(bytes, at + 8),
    leafPages: uint64(bytes, at + 16),
    overflowPages: uint64(bytes, at + 24),
    entries: uint64(bytes, at + 32),
    root: root === NO_PAGE ? undefined : root,
  };
}

function readPage(bytes: Buffer, number: number): TreePage | undefined {
  const flags = bytes.readUInt16LE(18);
  const isLeaf = flags === FLAG.leaf;
  if (uint64(bytes, 0) !== number || (!isLeaf && flags !== FLAG.branch)) return undefined;
  const [lower, upper] = [bytes.readUInt16LE(20), bytes.readUInt16LE(22)];
  const room = bytes.length - HEADER_BYTES;
  if (lower % 2 !== 0 || lower > upper || upper > room || lower === 0) return undefined;
  const nodes: Node[] = [];
  let nodeBytes = 0;
  for (let i = 0; i < lower / 2; i++) {
    const at = bytes.readUInt16LE(HEADER_BYTES + 2 * i);
    const node =
      at >= upper && at + NODE_BYTES <= room ? readNode(bytes, HEADER_BYTES + at, isLeaf) : undefined;
    if (node === undefined) return undefined;
    nodeBytes += node.bytes;
    nodes.push(node);
  }
  if (nodeBytes !== room - upper) return undefined;
  return { number, transaction: uint64(bytes, 8), isLeaf, nodes };
}

function readNode(bytes: Buffer, at: number, isLeaf: boolean): (Node & { bytes: number }) | undefined {
  const [low, high] = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2)];
  const flags = bytes.readUInt16LE(at + 4);
  const keyEnd = at + NODE_BYTES + bytes.readUInt16LE(at + 6);
  if (keyEnd > bytes.length) return undefined;
  const key = bytes.subarray(at + NODE_BYTES, keyEnd);
  const number = low + high * 2 ** 16;
  if (!isLeaf) {
    return { key, child: number + flags * 2 ** 32, value: { inline: NO_KEY }, bytes: even(keyEnd - at) };
  }
  const isApart = flags === FLAG.bigData;
  const end = keyEnd + (isApart ? PLACE_BYTES : number);
  if ((!isApart && flags !== 0) || end > bytes.length) return undefined;
  const value: Value = isApart
    ? {
        page: uint64(bytes, keyEnd),
        transaction: uint64(bytes, keyEnd + 8),
        pages: uint64(bytes, keyEnd + 16),
        sizeBytes: number,
      }
    : { inline: bytes.subarray(keyEnd, end) };
  return { key, child: -1, value, bytes: even(end - at) };
}

const even = (bytes: number): number => bytes + (bytes & 1);

/** Exact up to 2^53; what is beyond is implausible wherever it is used. */
function uint64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}
