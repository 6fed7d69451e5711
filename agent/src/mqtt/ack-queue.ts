import type { AckType } from './protocol.ts';

/** An acknowledgement of 4 bytes as a number (type, packet id), a longer one as its bytes, or what is to be done in its turn. */
type Entry = number | Buffer | (() => void);

interface Group {
  readonly queue: AckQueue;
  readonly durable: Promise<void>;
  readonly entries: Entry[];
  isDone: boolean;
}

export interface AckQueueHost {
  write(bytes: Buffer): void;
  /** What an acknowledgement waits for failed: none follows. */
  failed(error: Error): void;
  /** Some have left. */
  progress(): void;
}

const ACK_BYTES = 4;
const NOW = Promise.resolve();

/** Has the groups of all connections that wait for the same commit wait for it once, and all that is due in a turn leave at its end. */
class AckRounds {
  #waiting: { durable: Promise<void>; groups: Group[] } | undefined;
  #due: AckQueue[] = [];

  wait(group: Group): void {
    const { durable } = group;
    if (this.#waiting?.durable === durable) {
      this.#waiting.groups.push(group);
      return;
    }
    const groups = [group];
    this.#waiting = { durable, groups };
    const isOver = () => {
      if (this.#waiting?.durable === durable) this.#waiting = undefined;
    };
    durable.then(
      () => {
        isOver();
        for (const one of groups) one.queue.settle(one);
      },
      (error: Error) => {
        isOver();
        for (const { queue } of groups) queue.fail(error);
      },
    );
  }

  flushAtEnd(queue: AckQueue): void {
    if (this.#due.push(queue) > 1) return;
    process.nextTick(() => {
      const due = this.#due;
      this.#due = [];
      for (const one of due) one.flush();
    });
  }
}

const rounds = new AckRounds();

/**
 * Acknowledgements of one connection, in the order its packets came [MQTT-4.6.0-2], each once its message is durable.
 * Messages of one turn share a promise, so a group waits once; all that is due at the end of a turn is one write.
 */
export class AckQueue {
  readonly #host: AckQueueHost;
  #groups: Group[] = [];
  #length = 0;
  #isFlushDue = false;
  #hasFailed = false;

  constructor(host: AckQueueHost) {
    this.#host = host;
  }

  /** Entries that have not left. */
  get length(): number {
    return this.#length;
  }

  ack(type: (typeof AckType)[keyof typeof AckType], messageId: number, durable: Promise<void> = NOW): void {
    this.#push((type << 16) | messageId, durable);
  }

  /** An acknowledgement that says more than yes. */
  answer(bytes: Buffer): void {
    this.#push(bytes, NOW);
  }

  /** Runs `action` when all that was pushed before has left. */
  afterwards(action: () => void): void {
    this.#push(action, NOW);
  }

  #push(entry: Entry, durable: Promise<void>): void {
    this.#length++;
    const last = this.#groups.at(-1);
    if (last?.durable === durable && !last.isDone) {
      last.entries.push(entry);
      return;
    }
    const group: Group = { queue: this, durable, entries: [entry], isDone: false };
    this.#groups.push(group);
    rounds.wait(group);
  }

  /** What one of its groups waits for is durable. */
  settle(group: Group): void {
    group.isDone = true;
    if (this.#isFlushDue || group !== this.#groups[0]) return;
    this.#isFlushDue = true;
    rounds.flushAtEnd(this);
  }

  /** What one of its groups waits for has failed. */
  fail(error: Error): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#groups = [];
    this.#host.failed(error);
  }

  /** Writes all that is due. */
  flush(): void {
    this.#isFlushDue = false;
    let done = 0;
    while (done < this.#groups.length && this.#groups[done]!.isDone) done++;
    const groups = this.#groups.splice(0, done);
    let due: (number | Buffer)[] = [];
    for (const { entries } of groups) {
      this.#length -= entries.length;
      for (const entry of entries) {
        if (typeof entry !== 'function') {
          due.push(entry);
          continue;
        }
        this.#write(due);
        due = [];
        entry();
      }
    }
    this.#write(due);
    if (groups.length > 0) this.#host.progress();
  }

  #write(due: readonly (number | Buffer)[]): void {
    if (due.length === 0) return;
    let size = 0;
    for (const entry of due) size += typeof entry === 'number' ? ACK_BYTES : entry.length;
    const bytes = Buffer.allocUnsafe(size);
    let at = 0;
    for (const entry of due) {
      if (typeof entry === 'number') {
        bytes[at] = entry >> 16;
        bytes[at + 1] = 2;
        bytes[at + 2] = (entry >> 8) & 0xff;
        bytes[at + 3] = entry & 0xff;
        at += ACK_BYTES;
      } else at += entry.copy(bytes, at);
    }
    this.#host.write(bytes);
  }
}
