import type * as activeRun from '@edgelog/sink/active-run.ts';
import type { PartitionEnds } from '@edgelog/sink/cluster.ts';
import type * as depth from '@edgelog/sink/depth.ts';
import type * as positions from '@edgelog/sink/positions.ts';
import type * as registration from '@edgelog/sink/registration.ts';
import type * as run from '@edgelog/sink/run.ts';
import type * as scanner from '@edgelog/sink/scanner.ts';
import type * as survey from '@edgelog/sink/survey.ts';
import type { Stage } from '@edgelog/sink/testing/stage.ts';
import { describe, expect, test } from 'vitest';
import { mutating, violationAmong } from '../testing/mutating.ts';
import type { KafkaFault } from './plan.ts';

/** The world is worth something if it finds bugs: each of these is one, put in on purpose. */

interface Modules {
  '@edgelog/sink/active-run.ts': typeof activeRun;
  '@edgelog/sink/depth.ts': typeof depth;
  '@edgelog/sink/positions.ts': typeof positions;
  '@edgelog/sink/registration.ts': typeof registration;
  '@edgelog/sink/run.ts': typeof run;
  '@edgelog/sink/scanner.ts': typeof scanner;
  '@edgelog/sink/survey.ts': typeof survey;
}

const mutate = mutating<Modules>();

const SEEDS = 40;

/** The first violation within some seeds. */
async function firstViolation(faults: readonly KafkaFault[], from = 1): Promise<string | undefined> {
  const { runKafka } = await import('./world.ts');
  return violationAmong({ from, count: SEEDS }, (seed) => runKafka({ seed, faults }));
}

test('no search in the log for a producer that was forgotten', async () => {
  await mutate('@edgelog/sink/scanner.ts', ({ Scanner }) => ({
    Scanner: class extends Scanner {
      override search = async () => {};
    },
  }));
  expect(await firstViolation(['lossy', 'forget', 'kill'])).toMatch(/X[123]/);
});

test('batches beside each other of a producer that may be forgotten meanwhile', async () => {
  await mutate('@edgelog/sink/depth.ts', ({ hasRoom }) => ({
    hasRoom: (underWay) => hasRoom({ ...underWay, expirationMs: undefined }),
  }));
  expect(await firstViolation(['lossy', 'elect', 'forget', 'kill'], 31)).toMatch(/X[123]/);
});

test('positions of a topic that is gone', async () => {
  await mutate('@edgelog/sink/registration.ts', ({ register }) => ({
    register: async (...args) => {
      const found = await register(...args);
      if ('ok' in found) return found;
      const { position, previous, place } = found;
      const { topicId } = place;
      return {
        ...found,
        record: { ...found.record, gone: undefined },
        previous: previous && { ...previous, record: { ...previous.record, topicId } },
        position: position && { ...position, record: { ...position.record, topicId } },
      };
    },
  }));
  expect(await firstViolation(['recreate', 'forget', 'kill'])).toMatch(/X[1234]/);
});

const MONTH_MS = 30 * 86_400_000;
const TOPIC = 'telemetry';

/** A survey goes by other ends than there are, and tells of those there are. */
function deceiveSurvey(deceive: (ends: PartitionEnds) => PartitionEnds): Promise<void> {
  return mutate('@edgelog/sink/survey.ts', ({ survey }) => ({
    survey: async (cluster, place, clocks) => {
      let last: PartitionEnds | undefined;
      const ends = async () => {
        last = await cluster.ends(place);
        return deceive(last);
      };
      const knownProducers = () => cluster.knownProducers(place);
      const found = await survey({ ends, knownProducers }, place, clocks);
      return { ...found, ends: last! };
    },
  }));
}

/** Five batches of a gateway are acknowledged; a sixth is with the leader alone when the process that sent it dies. */
async function uncommitted(stage: Stage) {
  const gateway = stage.gateway();
  const { sink, client } = await stage.sink();
  await stage.send(gateway, { sink });
  stage.partition.isStalled = true;
  stage.sealed = 6;
  sink.append(gateway.info.producerId, gateway.batch(5));
  await stage.time.run(stage.time.now + 100);
  client.die();
  return { gateway };
}

/** What worlds come to so seldom that it is put on a stage: `isCaught` says whether what the sink holds to was broken. */
const STAGED = {
  'a settled record that counts though another opening followed': {
    mutate: () =>
      mutate('@edgelog/sink/registration.ts', ({ register }) => ({
        register: async (...args) => {
          const found = await register(...args);
          if ('ok' in found || found.position === undefined || found.previous === undefined) return found;
          const record = { ...found.position.record, opening: found.previous.record.opening };
          return { ...found, position: { ...found.position, record } };
        },
      })),
    isCaught: async (stage: Stage) => {
      const gateway = stage.gateway();
      const first = await stage.sink();
      await stage.send(gateway, first);
      await stage.until(first.sink.close());
      const second = await stage.sink();
      stage.sealed = 6;
      await stage.send(gateway, second);
      second.client.die();
      stage.forget();
      gateway.acked = { next: 5, crc: gateway.crcEndingAt(5)! };
      const opened = await stage.position(gateway, await stage.sink());
      return opened.ok && opened.position?.next !== 6;
    },
  },
  'a session that does not look whether the run was opened elsewhere': {
    mutate: () =>
      mutate('@edgelog/sink/positions.ts', ({ Positions }) => ({
        Positions: class extends Positions {
          override isFenced = () => false;
        },
      })),
    isCaught: async (stage: Stage) => {
      const [gateway, clone] = [stage.gateway(), stage.gateway(0, 0, 40, 5)];
      const [first, second] = [await stage.sink(), await stage.sink()];
      await stage.send(gateway, first);
      stage.sealed = 6;
      await stage.send(clone, second);
      const answer = first.sink.append(gateway.info.producerId, gateway.batch(5));
      return answer.ok && !('ok' in (await stage.until(answer.committed)));
    },
  },
  'a session that does not read back what it sent first': {
    mutate: () =>
      mutate('@edgelog/sink/active-run.ts', ({ ActiveRun }) => ({
        ActiveRun: class extends ActiveRun {
          constructor(deps: activeRun.ActiveRunDeps, start: activeRun.ActiveRunStart) {
            super(deps, { ...start, sureAt: Number.NEGATIVE_INFINITY });
          }
        },
      })),
    isCaught: async (stage: Stage) => {
      const [gateway, clone] = [stage.gateway(), stage.gateway(0, 0, 40, 0)];
      const [first, second] = [await stage.sink(), await stage.sink()];
      stage.sealed = 0;
      void clone.send(first.sink, 4);
      await stage.time.run(stage.time.now + 1_000);
      void gateway.send(second.sink, 4);
      await stage.time.run(stage.time.now + 1_000);
      const late = clone.batch(0);
      late.fill(0, 0, 8);
      stage.partition.append(late, stage.time.now);
      stage.partition.commit();
      stage.sealed = 1;
      gateway.notify();
      await stage.time.run(stage.time.now + 60_000);
      return gateway.acked !== undefined;
    },
  },
  'a session that sends though its lease is over': {
    mutate: () =>
      mutate('@edgelog/sink/run.ts', ({ RunSession }) => ({
        RunSession: class extends RunSession {
          override needsLease = () => false;
          override send(clocks: run.Clocks) {
            return super.send({ ...clocks, monotonic: Number.NEGATIVE_INFINITY });
          }
        },
      })),
    isCaught: async (stage: Stage) => {
      const gateway = stage.gateway();
      const [first, second] = [await stage.sink(), await stage.sink()];
      await stage.send(gateway, first);
      await stage.time.run(stage.time.now + 60_000);
      stage.sealed = 10;
      await stage.send(gateway, second);
      stage.forget();
      const stored = stage.partition.log.length;
      const answer = first.sink.append(gateway.info.producerId, gateway.batch(5));
      if (answer.ok) await stage.until(answer.committed);
      return stage.partition.log.length > stored;
    },
  },
  'batches beside each other of a producer that the cluster may never have heard of': {
    mutate: () =>
      mutate('@edgelog/sink/depth.ts', ({ hasRoom }) => ({
        hasRoom: (underWay) => hasRoom({ ...underWay, committed: underWay.committed ?? underWay.now }),
      })),
    isCaught: async (stage: Stage) => {
      const gateway = stage.gateway(0, MONTH_MS);
      const at = await stage.sink();
      await stage.position(gateway, at);
      stage.partition.refusals = 1;
      for (const number of [0, 1]) at.sink.append(gateway.info.producerId, gateway.batch(number));
      await stage.time.run(stage.time.now + 1_000);
      return stage.partition.log.length > 0;
    },
  },
  'an opening that does not wait until what the leader has is committed': {
    mutate: () => deceiveSurvey((ends) => ({ ...ends, highWatermark: ends.logEndOffset })),
    isCaught: async (stage: Stage) => {
      const { gateway } = await uncommitted(stage);
      stage.forget();
      stage.time.after(5_000, () => {
        stage.partition.isStalled = false;
        stage.partition.commit();
      });
      await stage.send(gateway, await stage.sink());
      return stage.partition.log.length > 6;
    },
  },
  'an opening that takes what one leader knows for what the next one does': {
    mutate: () => deceiveSurvey((ends) => ({ ...ends, leaderEpoch: 0 })),
    isCaught: async (stage: Stage) => {
      const { gateway } = await uncommitted(stage);
      gateway.acked = { next: 3, crc: gateway.crcEndingAt(3)! };
      const second = await stage.sink();
      const { client } = second;
      const ask = client.knownProducers.bind(client);
      client.knownProducers = async (place) => {
        const known = await ask(place);
        client.knownProducers = ask;
        stage.partition.isStalled = false;
        stage.kafka.elect(stage.partition, 0);
        stage.forget();
        // Another run's opening found the new leader meanwhile.
        await client.topic(TOPIC, true);
        return known;
      };
      await stage.send(gateway, second);
      return stage.partition.log.length > 6;
    },
  },
  'a session that goes on under another leader': {
    mutate: () =>
      mutate('@edgelog/sink/active-run.ts', ({ ActiveRun }) => ({
        ActiveRun: class extends ActiveRun {
          constructor(deps: activeRun.ActiveRunDeps, start: activeRun.ActiveRunStart) {
            const { cluster } = deps;
            const produce: typeof cluster.produce = (place, _, batch) =>
              cluster.produce(place, undefined, batch);
            super({ ...deps, cluster: { produce, scan: cluster.scan.bind(cluster) } }, start);
          }
        },
      })),
    isCaught: async (stage: Stage) => {
      const gateway = stage.gateway();
      const { sink, client } = await stage.sink();
      await stage.send(gateway, { sink });
      // What an unclean election loses nobody may be left to tell of, if the run just went on.
      stage.partition.highWatermark = 3;
      stage.partition.elect(0);
      stage.forget();
      await stage.until(client.topic(TOPIC, true));
      sink.append(gateway.info.producerId, gateway.batch(5));
      await stage.time.run(stage.time.now + 1_000);
      return stage.partition.log.length > 3;
    },
  },
};

describe.each(Object.entries(STAGED))('%s', (_, { mutate: putBugIn, isCaught }) => {
  const isBroken = async () => {
    const { Stage } = await import('@edgelog/sink/testing/stage.ts');
    return isCaught(new Stage());
  };

  test('is caught', async () => {
    await putBugIn();
    expect(await isBroken()).toBe(true);
  });

  test('and nothing is where there is no bug', async () => {
    expect(await isBroken()).toBe(false);
  });
});
