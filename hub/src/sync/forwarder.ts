import { EdgelogError } from '@edgelog/base';
import { type Position, REFUSAL_CODES, type Refusal, type RefusalCode } from '@edgelog/sync';
import { apis, ErrorCode } from '@edgelog/wire';
import type { Peers } from '../replication/peers.ts';
import { refuse } from './refusal.ts';
import type { OpenedRun, Opening } from './run-leader.ts';
import type { Run } from './runs.ts';

/** Batches in one request to a leader; what is more goes in the next, before this one is answered. */
const REQUEST_BYTES = 1024 * 1024;

interface Append {
  readonly producerId: number;
  readonly opening: Opening;
  readonly batch: Buffer;
  readonly settle: (outcome: Position | Refusal) => void;
}

interface Leader {
  readonly brokerId: number;
  readonly link: ReturnType<Peers['open']>;
  waiting: Append[];
  waitingBytes: number;
}

/**
 * Takes what gateways send to the leaders at other brokers: one connection to each, on which requests keep their order. What comes in one turn of
 * the event loop for one broker shares a request. Batches are neither copied nor looked at. Whatever goes wrong on the way is `not-available`:
 * the run is opened again, and that tells what became of it.
 */
export class Forwarder {
  readonly #peers: Pick<Peers, 'open'>;
  readonly #leaders = new Map<number, Leader>();

  constructor(peers: Pick<Peers, 'open'>) {
    this.#peers = peers;
  }

  async open(brokerId: number, { producerId, topicId, partition }: Run): Promise<OpenedRun | Refusal> {
    const leader = this.#leader(brokerId);
    this.#send(leader);
    try {
      const body = { producerId, topicId, partitionIndex: partition };
      const { errorCode, refusal, message, leaderEpoch, opening, nextOffset, crc } =
        await leader.link.request(apis.openRun, body);
      if (errorCode !== ErrorCode.NONE) return failed(brokerId, `error ${errorCode}`);
      if (refusal !== null) return refuse(codeOf(refusal), message);
      const position = nextOffset < 0 ? undefined : { next: nextOffset, crc };
      return { ok: true, opening: { leaderEpoch, number: opening }, position };
    } catch (error) {
      return lost(brokerId, error);
    }
  }

  /** Resolves when the batch is committed or refused, or nobody knows. */
  append(brokerId: number, producerId: number, opening: Opening, batch: Buffer): Promise<Position | Refusal> {
    const leader = this.#leader(brokerId);
    return new Promise((settle) => {
      if (leader.waiting.length === 0) setImmediate(() => this.#send(leader));
      leader.waiting.push({ producerId, opening, batch, settle });
      leader.waitingBytes += batch.length;
      if (leader.waitingBytes >= REQUEST_BYTES) this.#send(leader);
    });
  }

  #send(leader: Leader): void {
    const appends = leader.waiting;
    if (appends.length === 0) return;
    leader.waiting = [];
    leader.waitingBytes = 0;
    void this.#request(leader, appends);
  }

  async #request({ brokerId, link }: Leader, appends: readonly Append[]): Promise<void> {
    const body = {
      appends: appends.map(({ producerId, opening: { leaderEpoch, number }, batch }) => ({
        producerId,
        leaderEpoch,
        opening: number,
        batch,
      })),
    };
    let outcomes: readonly (Position | Refusal)[];
    try {
      const { errorCode, results } = await link.request(apis.appendRuns, body);
      const isAnswered = errorCode === ErrorCode.NONE && results.length === appends.length;
      outcomes = isAnswered ? results.map(outcomeOf) : [];
    } catch (error) {
      const reason = lost(brokerId, error);
      outcomes = appends.map(() => reason);
    }
    const unanswered = failed(brokerId, 'no answer for each batch');
    appends.forEach(({ settle }, index) => {
      settle(outcomes[index] ?? unanswered);
    });
  }

  #leader(brokerId: number): Leader {
    let leader = this.#leaders.get(brokerId);
    if (leader === undefined) {
      leader = { brokerId, link: this.#peers.open(brokerId), waiting: [], waitingBytes: 0 };
      this.#leaders.set(brokerId, leader);
    }
    return leader;
  }
}

interface Result {
  readonly refusal: string | null;
  readonly message: string;
  readonly nextOffset: number;
  readonly crc: number;
}

function outcomeOf({ refusal, message, nextOffset, crc }: Result): Position | Refusal {
  return refusal === null ? { next: nextOffset, crc } : refuse(codeOf(refusal), message);
}

const codeOf = (text: string): RefusalCode => REFUSAL_CODES.find((code) => code === text) ?? 'not-available';

const failed = (brokerId: number, message: string): Refusal =>
  refuse('not-available', `broker ${brokerId}: ${message}`);

function lost(brokerId: number, error: unknown): Refusal {
  if (error instanceof EdgelogError) return failed(brokerId, error.message);
  throw error;
}
