import { ZERO_UUID } from '@edgelog/wire';
import { batchOf } from '../../../hub/test/support/batches.ts';
import type { Peer } from '../peer.ts';
import { type Scenario, versionsOf } from '../scenario.ts';
import { AT, changed, plain, RECORDS } from './batches.ts';
import { UNKNOWN_ID } from './filled-topic.ts';

const produceRecords: Scenario = {
  name: 'produce: what records may be',
  deliberate: [
    [/a batch and a (byte|half)/, 'what follows a batch is refused, not dropped in silence'],
    [/(transactional) flag/, 'no transactions yet'],
    [/append time flag/, 'clearing the flag would take a new CRC'],
    [/codec [57]|batch length 2 GB/, "an internal error of Kafka's"],
    [
      /flag on plain records|say 1 of 2|rubbish/,
      "records are not looked at: the producer's CRC holds, and decompressing costs more than all the rest",
    ],
    [/count -1|last delta -1|count 0$/, 'a header that cannot be true was damaged on its way'],
    [
      /timestamp of tomorrow/,
      "a device's wrong clock must not cost its data; the limit can be set per topic",
    ],
    [/producer with negative epoch/, 'a producer id without an epoch means nothing'],
  ],
  async run(peer, see) {
    const topic = `${peer.prefix}records`;
    const names = Object.keys(RECORDS);
    for (const version of [3, 6, 7, 9, 12]) {
      const own = `${topic}-${version}`;
      await peer.topic(own, names.length);
      for (const [index, name] of names.entries()) {
        if (version !== 9 && version !== 3 && !/zstd|one batch|format/.test(name)) continue;
        see(`v${version} ${name}`, await peer.produce(own, RECORDS[name]!(), { version, index }));
      }
    }
  },
};

const produceRequests: Scenario = {
  name: 'produce: requests',
  deliberate: [
    [/topic without partitions/, 'Kafka leaves the empty entry out'],
    [/partition twice/, 'both batches are appended; Kafka keeps one of them and does not say which'],
    [/topic twice/, 'answered entry by entry, as it was asked'],
    [/transactional id/, 'no transactions yet'],
  ],
  async run(peer, see) {
    const topic = `${peer.prefix}requests`;
    const topicId = await peer.topic(topic, 2);
    const body = (over: object) => ({ acks: -1, timeoutMs: 1000, topicData: [], ...over }) as never;
    const one = (index: number, name = topic, id = topicId) => ({
      name,
      topicId: id,
      partitionData: [{ index, records: plain() }],
    });
    for (const version of versionsOf('produce')) {
      const at = (label: string) => `v${version} ${label}`;
      see(at('nothing'), await peer.ask('produce', version, body({})));
      for (const acks of [1, -1, 2, -2])
        see(at(`acks ${acks}`), await peer.ask('produce', version, body({ acks, topicData: [one(0)] })));
      see(at('partition -1'), await peer.ask('produce', version, body({ topicData: [one(-1)] })));
      see(at('partition 2 of 2'), await peer.ask('produce', version, body({ topicData: [one(2)] })));
      see(
        at('negative time-out'),
        await peer.ask('produce', version, body({ timeoutMs: -1, topicData: [one(1)] })),
      );
      see(
        at('topic without partitions'),
        await peer.ask(
          'produce',
          version,
          body({ topicData: [{ name: topic, topicId, partitionData: [] }] }),
        ),
      );
      if (version < 13) {
        see(
          at('unknown topic'),
          await peer.ask('produce', version, body({ topicData: [one(0, 'nowhere'), one(0)] })),
        );
        see(
          at('illegal topic'),
          await peer.ask('produce', version, body({ topicData: [one(0, 'no/where')] })),
        );
        see(at('empty topic'), await peer.ask('produce', version, body({ topicData: [one(0, '')] })));
      } else {
        see(at('zero id'), await peer.ask('produce', version, body({ topicData: [one(0, '', ZERO_UUID)] })));
        see(
          at('unknown id'),
          await peer.ask('produce', version, body({ topicData: [one(0, '', UNKNOWN_ID), one(0)] })),
        );
      }
    }
    const twice = {
      name: topic,
      topicId,
      partitionData: [
        { index: 0, records: plain() },
        { index: 0, records: plain() },
      ],
    };
    see('partition twice', await peer.ask('produce', 9, body({ topicData: [twice] })));
    see('topic twice', await peer.ask('produce', 9, body({ topicData: [one(0), one(1)] })));
    see(
      'partition twice over two entries',
      await peer.ask('produce', 9, body({ topicData: [one(0), one(0)] })),
    );
    see('offsets topic', await peer.ask('produce', 9, body({ topicData: [one(0, '__consumer_offsets')] })));
    see(
      'transactional id',
      await peer.ask('produce', 9, body({ transactionalId: 'tx', topicData: [one(0)] })),
    );
  },
};

const produceSequences: Scenario = {
  name: 'produce: sequences and epochs of idempotent producers',
  deliberate: [
    [
      /^again|straddling again/,
      "Kafka tells a duplicate's record time as its append time, whatever the topic's timestamps are",
    ],
    [/^older than the five kept/, 'it is stored; who is told that it is out of order repeats it for ever'],
  ],
  async run(peer, see) {
    const topic = `${peer.prefix}sequences`;
    await peer.topic(topic, 8);
    const next = { id: 90_000 };
    const at =
      (index: number, producerId: number) =>
      async (baseSequence: number, producerEpoch = 0, count = 1) =>
        peer.produce(
          topic,
          batchOf(
            Array.from({ length: count }, (_, i) => `${baseSequence}/${i}`),
            { timestamp: Date.now(), producerId, producerEpoch, baseSequence },
          ),
          { index },
        );
    const first = at(0, next.id++);
    see('begins at 0', await first(0));
    see('goes on', await first(1));
    see('again', await first(1));
    see('again, the first', await first(0));
    see('gap', await first(5));
    see('overlap', await first(1, 0, 3));
    see('goes on after refusals', await first(2, 0, 2));
    for (let i = 4; i < 10; i++) await first(i);
    see('older than the five kept', await first(1));
    see('epoch bump not at 0', await first(10, 1));
    see('epoch bump at 0', await first(0, 1));
    see('fenced epoch', await first(10, 0));
    see('new epoch goes on', await first(1, 1));
    see('duplicate of the old epoch', await first(9, 0));
    see('epoch jumps to 7', await first(0, 7));
    const middle = at(1, next.id++);
    see('unknown producer begins at 7', await middle(7));
    see('and goes on', await middle(8));
    const wrap = at(2, next.id++);
    see('begins before the wrap', await wrap(2 ** 31 - 2, 0, 2));
    see('goes on at 0 after the wrap', await wrap(0));
    const straddle = at(3, next.id++);
    see('straddles the wrap', await straddle(2 ** 31 - 1, 0, 3));
    see('goes on after straddling', await straddle(2));
    see('straddling again', await straddle(2 ** 31 - 1, 0, 3));
    const unflushed = at(4, next.id++);
    see('unknown producer with a high epoch', await unflushed(0, 5));
    see('greatest epoch', await unflushed(0, 32767));
    see('epoch below', await unflushed(1, 32766));
    see('describe', await describe(peer, topic));
    see('what is there then', await latest(peer, topic, 0));
  },
};

async function describe(peer: Peer, topic: string) {
  const { topics } = await peer.must('describeProducers', 0, {
    topics: [
      { name: topic, partitionIndexes: [0, 1, 2, 3, 4, 5, 99, -1] },
      { name: 'nowhere', partitionIndexes: [0] },
    ],
  });
  return topics;
}

async function latest(peer: Peer, topic: string, partitionIndex: number) {
  const { topics } = await peer.must('listOffsets', 4, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: topic, partitions: [{ partitionIndex, timestamp: -1 }] }],
  });
  return topics;
}

const produceRules: Scenario = {
  name: 'produce: rules of the topic',
  async run(peer, see) {
    const topic = async (name: string, configs: Record<string, string>) => {
      const full = `${peer.prefix}rules-${name}`;
      await peer.topic(full, 1, configs);
      return full;
    };
    const small = await topic('small', { 'max.message.bytes': '200' });
    see('fits', await peer.produce(small, plain()));
    see('too large', await peer.produce(small, batchOf(['x'.repeat(300)])));
    const exact = batchOf(['x'.repeat(100)], { timestamp: Date.now() });
    const limit = await topic('limit', { 'max.message.bytes': String(exact.length) });
    see('exactly the limit', await peer.produce(limit, exact));
    const below = await topic('below', { 'max.message.bytes': String(exact.length - 1) });
    see('one byte more than the limit', await peer.produce(below, Buffer.from(exact)));
    const appendTime = await topic('append', { 'message.timestamp.type': 'LogAppendTime' });
    see(
      'append time',
      await peer.produce(
        appendTime,
        changed(() => {}, { timestamp: 5 }),
      ),
    );
    see(
      'append time, flag set by the producer',
      await peer.produce(
        appendTime,
        changed((batch) => batch.writeInt16BE(8, AT.attributes)),
      ),
    );
    see(
      'append time, tomorrow',
      await peer.produce(
        appendTime,
        changed(() => {}, { timestamp: Date.now() + 86_400_000 }),
      ),
    );
    const before = await topic('before', { 'message.timestamp.before.max.ms': '60000' });
    see(
      'too old',
      await peer.produce(
        before,
        changed(() => {}, { timestamp: Date.now() - 120_000 }),
      ),
    );
    see(
      'not too old',
      await peer.produce(
        before,
        changed(() => {}, { timestamp: Date.now() - 30_000 }),
      ),
    );
    const after = await topic('after', { 'message.timestamp.after.max.ms': '60000' });
    see(
      'too far ahead',
      await peer.produce(
        after,
        changed(() => {}, { timestamp: Date.now() + 120_000 }),
      ),
    );
    see(
      'not too far ahead',
      await peer.produce(
        after,
        changed(() => {}, { timestamp: Date.now() + 30_000 }),
      ),
    );
    see(
      'no timestamp',
      await peer.produce(
        after,
        changed((batch) => {
          batch.writeBigInt64BE(-1n, AT.firstTime);
          batch.writeBigInt64BE(-1n, AT.maxTime);
        }),
      ),
    );
    const compacted = await topic('compacted', { 'cleanup.policy': 'compact' });
    see('keyless in a compacted topic', await peer.produce(compacted, plain()));
    see(
      'compressed keyless in a compacted topic',
      await peer.produce(
        compacted,
        changed(() => {}, { compression: 'zstd' }),
      ),
    );
  },
};

export const produceScenarios = [produceRecords, produceRequests, produceSequences, produceRules];
