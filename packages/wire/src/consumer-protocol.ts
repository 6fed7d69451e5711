import { EdgelogError } from '@edgelog/base';
import { encodeMessage } from './codec/frame.ts';
import { array, bytes, int32, string } from './schema/field.ts';
import { message } from './schema/message.ts';

/** What members of classic groups of the type `consumer` tell each other; the broker need not know it, but may. */
const VERSION_MAX = 3;
const OWNED_SINCE = 1;
const GENERATION_SINCE = 2;
const RACK_SINCE = 3;

export interface NamedPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface ConsumerSubscription {
  readonly version: number;
  readonly topics: readonly string[];
  /** What the member still reads while it joins; nothing for one that gives up everything first. */
  readonly owned: readonly NamedPartitions[];
  readonly rackId: string | null;
}

const consumerAssignment = message({
  name: 'ConsumerProtocolAssignment',
  versions: [0, VERSION_MAX],
  fields: {
    assignedPartitions: array({ topic: string(), partitions: array(int32()) }),
    userData: bytes({ nullable: 0 }),
  },
});

/**
 * ConsumerProtocolSubscription, of any version: what a newer one adds comes last. Clients that name a newer version than they write are
 * understood as well. Throws EdgelogError CORRUPT_FRAME.
 */
export function readConsumerSubscription(metadata: Buffer): ConsumerSubscription {
  return readWith(metadata, 'ConsumerProtocolSubscription', (reader) => {
    const version = reader.int16();
    if (version < 0) throw new RangeError(`version ${version}`);
    const topics = reader.list(() => reader.string() ?? '');
    reader.skipBytes();
    const has = (since: number) => version >= since && !reader.isAtEnd;
    const owned = has(OWNED_SINCE) ? reader.list(() => reader.partitions()) : [];
    if (has(GENERATION_SINCE)) reader.int32();
    const rackId = has(RACK_SINCE) ? reader.string() : null;
    return { version: Math.min(version, VERSION_MAX), topics, owned, rackId };
  });
}

/** ConsumerProtocolAssignment, of any version. Members that have none yet have no bytes at all. Throws EdgelogError CORRUPT_FRAME. */
export function readConsumerAssignment(assignment: Buffer): NamedPartitions[] {
  if (assignment.length === 0) return [];
  return readWith(assignment, 'ConsumerProtocolAssignment', (reader) => {
    reader.int16();
    return reader.list(() => reader.partitions());
  });
}

/** In the version of the member's subscription. */
export function writeConsumerAssignment(
  version: number,
  assignedPartitions: readonly NamedPartitions[],
): Buffer {
  const prefix = Buffer.alloc(2);
  prefix.writeInt16BE(version);
  const body = { assignedPartitions, userData: null };
  return Buffer.concat([prefix, encodeMessage(consumerAssignment, version, body)]);
}

function readWith<T>(from: Buffer, name: string, read: (reader: Reader) => T): T {
  const reader = new Reader(from);
  try {
    return read(reader);
  } catch (cause) {
    throw new EdgelogError('CORRUPT_FRAME', `${name} is malformed at byte ${reader.at}`, { cause });
  }
}

/** Throws a RangeError where the bytes end too early or a length makes no sense. */
class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(from: Buffer) {
    this.#bytes = from;
  }

  get isAtEnd(): boolean {
    return this.at === this.#bytes.length;
  }

  int16(): number {
    const value = this.#bytes.readInt16BE(this.at);
    this.at += 2;
    return value;
  }

  int32(): number {
    const value = this.#bytes.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  string(): string | null {
    const from = this.#take(this.int16());
    return from === undefined ? null : this.#bytes.toString('utf8', from, this.at);
  }

  skipBytes(): void {
    this.#take(this.int32());
  }

  list<T>(element: () => T): T[] {
    const elements: T[] = [];
    for (let left = this.int32(); left > 0; left--) elements.push(element());
    return elements;
  }

  partitions(): NamedPartitions {
    return { topic: this.string() ?? '', partitions: this.list(() => this.int32()) };
  }

  /** Steps over as many bytes; undefined for the length of null. */
  #take(length: number): number | undefined {
    if (length === -1) return undefined;
    const from = this.at;
    if (length < 0 || from + length > this.#bytes.length) throw new RangeError(`length ${length}`);
    this.at = from + length;
    return from;
  }
}
