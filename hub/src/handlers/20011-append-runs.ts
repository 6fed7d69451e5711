import type { Position, Refusal } from '@edgelog/sync';
import type { Handler, Item } from './handler.ts';

/** Longer than that nobody is kept waiting: the connection's other answers wait behind. */
const COMMIT_MS_MAX = 10_000;

const LATE: Refusal = { ok: false, code: 'not-available', message: 'too few replicas have it by now' };

/** AppendRuns: batches of gateways that other brokers have, answered when all are committed or it is clear that one will not be known to be. */
export const appendRuns: Handler<'appendRuns'> = ({ appends }, { broker, releaseFrame }) => {
  const outcomes: (Position | Refusal)[] = appends.map(() => LATE);
  const pending: Promise<void>[] = [];
  appends.forEach(({ producerId, leaderEpoch, opening, batch }, index) => {
    const answer = broker.runLeader.append(producerId, { leaderEpoch, number: opening }, batch);
    if (!answer.ok) {
      outcomes[index] = answer;
      return;
    }
    const settled = (outcome: Position | Refusal) => {
      outcomes[index] = outcome;
    };
    pending.push(
      answer.committed.then(settled, (error) =>
        settled({ ok: false, code: 'not-available', message: String(error) }),
      ),
    );
  });
  broker.store.flushed().then(releaseFrame, ignore);
  return answer();

  async function answer() {
    await withinLimit(Promise.all(pending));
    return { results: outcomes.map(resultOf) };
  }
};

/** Each append tells of a failed flush by itself. */
function ignore(): void {}

function resultOf(outcome: Position | Refusal): Item<'appendRuns', 'results'> {
  if ('next' in outcome) return { nextOffset: outcome.next, crc: outcome.crc };
  return { refusal: outcome.code, message: outcome.message };
}

async function withinLimit(all: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, COMMIT_MS_MAX);
  });
  await Promise.race([all, late]);
  clearTimeout(timer);
}
