import { EdgelogError } from '@edgelog/base';
import { type Position, REFUSAL_CODES, type Refusal, type RefusalCode, refuse } from '@edgelog/sync';
import { apis, ErrorCode } from '@edgelog/wire';
import type { BrokerSession } from '../cluster/index.ts';
import type { Peers } from '../replication/peers.ts';
import type { OpenedRun, Opening } from './run-leader.ts';
import type { Run } from './runs.ts';

/** Batches in one request to a leader; what is more goes in the next, before this one is answered. */
const REQUEST_BYTES = 1024 * 1024;
/** A leader answers within ten seconds, if it can be reached. */
const ANSWER = { timeoutMs: 15_000 };

interface Append {
  readonly producerId: number;
  readonly opening: Opening;
  readonly batch: Buffer;
  readonly settle: (outcome: Position | Refusal) => void;
}

interface Leader {
  readonly brokerId: number;
  readonly link: ReturnType<Peers['open']>;
  /** Openings wait for what is in flight of one run; nobody's acknowledgements are to wait behind them. */
  readonly openings: ReturnType<Peers['open']>;
  waiting: Append[];
  waitingBytes: number;
}

/**
 * Takes what gateways send to the leaders at other brokers: one connection to each, on which batches keep their order, and one for openings: a
 * batch that an opening overtakes is refused, since it is of an older one. What comes in one turn of the event loop for one broker shares a request. Batches are neither copied nor looked at. Whatever goes wrong on the way is `not-available`:
 * the run is opened again, and that tells what became of it. A broker that is no member at the moment forwards nothing: what it knows of
 * leaders may be old, and those it knows may not be reached.
 */
export class Forwarder {
  readonly #peers: Pick<Peers, 'open'>;
  readonly #session: Pick<BrokerSession, 'epoch'>;
  readonly #leaders = new Map<number, Leader>();

  constructor(peers: Pick<Peers, 'open'>, session: Pick<BrokerSession, 'epoch' | 'onLost'>) {
    this.#peers = peers;
    this.#session = session;
    session.onLost(() => {
      for (const { link, openings } of this.#leaders.values()) {
        link.reset();
        openings.reset();
      }
    });
  }

  async open(brokerId: number, { producerId, topicId, partition }: Run): Promise<OpenedRun | Refusal> {
    if (this.#session.epoch === undefined) return NO_MEMBER;
    const leader = this.#leader(brokerId);
    try {
      const body = { producerId, topicId, partitionIndex: partition };
      const { errorCode, refusal, message, leaderEpoch, opening, nextOffset, crc } =
        await leader.openings.request(apis.openRun, body, ANSWER);
      if (errorCode !== ErrorCode.NONE) return failed(brokerId, `error ${errorCode}`);
      if (refusal !== null) return refuse(codeOf(refusal), message);
      const position = nextOffset < 0 ? undefined : { next: nextOffset, crc };
      return { ok: true, opening: { leaderEpoch, number: opening }, position };
    } catch (error) {
      return lost(brokerId, error);
    }
  }

  /** Resolves when the batch is committed or refused, or nobody knows. */
  async append(
    brokerId: number,
    producerId: number,
    opening: Opening,
    batch: Buffer,
  ): Promise<Position | Refusal> {
    if (this.#session.epoch === undefined) return NO_MEMBER;
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
      const { errorCode, results } = await link.request(apis.appendRuns, body, ANSWER);
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
      const [link, openings] = [this.#peers.open(brokerId), this.#peers.open(brokerId)];
      leader = { brokerId, link, openings, waiting: [], waitingBytes: 0 };
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

const NO_MEMBER = refuse('not-available', 'this broker is not registered in the cluster at the moment');

const failed = (brokerId: number, message: string): Refusal =>
  refuse('not-available', `broker ${brokerId}: ${message}`);

function lost(brokerId: number, error: unknown): Refusal {
  if (error instanceof EdgelogError) return failed(brokerId, error.message);
  throw error;
}
