import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts, Prng } from '@edgelog/sim';
import { RawClient } from '../support/raw-client.ts';
import { Book } from './book.ts';
import type { ClientContext } from './connected.ts';
import { CrashingHub } from './crashing-hub.ts';
import { Gate } from './gate.ts';
import { Committer, GroupMember } from './groups.ts';
import { createTopic, RecordsDeleter, TopicOperator } from './operators.ts';
import type { Keeping } from './partition-ledger.ts';
import { IdempotentProducer, PlainProducer } from './producers.ts';
import { verify } from './verify.ts';

/** Now and then time enough for a group to be formed, and for a compaction and a cleaning to end. */
const LOAD_MS_MAX = [400, 400, 1_500, 4_000];
const SECOND_DEATH_MS_MAX = 150;
const FILE_CHANGE_MS_MAX = 500;
const STARTS_IN_VAIN_MAX = 3;
const ARCHIVE_PAUSE_MS = 8;
const LATEST_PAUSE_MS = 2;
const STEADY_RECORDS_MAX = 3_000;
const VIOLATIONS_SHOWN = 30;
const FOR_EVER = '-1';

/** Topics that are there all the time. */
const TOPICS: readonly { name: string; partitions: number; keeping: Keeping }[] = [
  { name: 'archive', partitions: 1, keeping: {} },
  { name: 'steady', partitions: 3, keeping: {} },
  { name: 'small', partitions: 2, keeping: { retentionBytes: 400_000 } },
  { name: 'brief', partitions: 1, keeping: { retentionMs: 1_500 } },
  { name: 'latest', partitions: 2, keeping: { isCompacted: true } },
];
const CHURNED = ['churn-0', 'churn-1', 'churn-2'];

/** Tombstones stay longer than a look at the partition takes. */
const COMPACTED_OFTEN = {
  'cleanup.policy': 'compact',
  'min.cleanable.dirty.ratio': '0.5',
  'segment.bytes': '500000',
  'segment.ms': '1000',
  'delete.retention.ms': '10000',
};

/** How a round ends the hub; the more often named, the more often drawn. */
const DEATHS = ['any moment', 'any moment', 'file change', 'file change', 'twice', 'start-up'] as const;

export interface CrashOptions {
  rounds: number;
  seed: number;
  onProgress?: (line: string) => void;
}

export interface CrashReport {
  rounds: number;
  kills: number;
  /** Over all rounds: found in their places after a kill. */
  batchesChecked: number;
  /** Appended to topics that last: records. */
  records: number;
  producerIds: number;
  generations: number;
  batchesConsumed: number;
  segmentsCleaned: number;
  partitionsCompacted: number;
  /** Empty when the hub kept its word. */
  violations: string[];
  /** Kept when there are violations, for whoever looks for their cause. */
  dir: string | undefined;
}

/** Kills a hub over and over while clients of many kinds use it, and compares what it holds with what they were told. */
export async function runCrashCampaign({ rounds, seed, onProgress }: CrashOptions): Promise<CrashReport> {
  const dir = mkdtempSync(join(tmpdir(), 'edgelog-crash-'));
  const [port] = await freePorts(1);
  const context: ClientContext = { port: port!, gate: new Gate(), book: new Book(), prng: new Prng(seed) };
  const hub = new CrashingHub(dir, port!);
  const campaign = new Campaign(context, hub);
  try {
    const report = await campaign.run(rounds, onProgress ?? (() => {}));
    if (report.violations.length === 0) rmSync(dir, { recursive: true, force: true });
    return { ...report, dir: report.violations.length === 0 ? undefined : dir };
  } finally {
    await hub.abandon();
  }
}

class Campaign {
  readonly #context: ClientContext;
  readonly #hub: CrashingHub;
  readonly #members: readonly GroupMember[];
  #batchesChecked = 0;

  constructor(context: ClientContext, hub: CrashingHub) {
    this.#context = context;
    this.#hub = hub;
    const read = [...this.#partitions('steady'), ...this.#partitions('archive')];
    this.#members = [0, 1].map(() => new GroupMember(this.#own(), 'readers', read));
  }

  async run(rounds: number, onProgress: (line: string) => void): Promise<Omit<CrashReport, 'dir'>> {
    await this.#hub.start();
    await this.#createTopics();
    const { gate } = this.#context;
    const running = Promise.all(this.#clients().map((client) => client.run()));
    gate.open();
    let round = 0;
    let violations: string[] = [];
    while (round < rounds && violations.length === 0) {
      round += 1;
      await this.#kill();
      violations = await this.#judge(`round ${round}`);
      gate.open();
      if (round % 10 === 0)
        onProgress(`round ${round}: ${this.#hub.kills} kills, ${this.#batchesChecked} batches checked`);
    }
    await gate.stop();
    await running;
    if (violations.length === 0) {
      await this.#hub.stop();
      violations = await this.#judge('after a clean end');
    }
    return { rounds: round, ...this.#figures(), violations: violations.slice(0, VIOLATIONS_SHOWN) };
  }

  async #createTopics(): Promise<void> {
    const client = await RawClient.connect(this.#context.port);
    for (const { name, partitions, keeping } of TOPICS) {
      const configs = {
        'retention.ms': keeping.retentionMs === undefined ? FOR_EVER : String(keeping.retentionMs),
        'retention.bytes': keeping.retentionBytes === undefined ? FOR_EVER : String(keeping.retentionBytes),
        ...(keeping.isCompacted === true && COMPACTED_OFTEN),
      };
      await createTopic(this.#context, client, name, { partitions, configs });
    }
    client.end();
  }

  #clients(): { run(): Promise<void> }[] {
    const [steady, archive] = [this.#partitions('steady'), this.#partitions('archive')];
    const fleeting = [...this.#partitions('small'), ...this.#partitions('brief')];
    return [
      new IdempotentProducer(this.#own(), archive, ARCHIVE_PAUSE_MS),
      new IdempotentProducer(this.#own(), steady),
      new IdempotentProducer(this.#own(), this.#partitions('latest'), LATEST_PAUSE_MS),
      new IdempotentProducer(this.#own(), [...steady, ...fleeting]),
      new PlainProducer(this.#own(), [...steady, ...fleeting]),
      new RecordsDeleter(this.#own(), steady, STEADY_RECORDS_MAX),
      new Committer(this.#own(), 'without-members', [...steady, ...fleeting]),
      new TopicOperator(this.#own(), CHURNED),
      ...this.#members,
    ];
  }

  /** For one client: what it draws does not move what others draw. */
  #own(): ClientContext {
    return { ...this.#context, prng: this.#context.prng.fork() };
  }

  #partitions(name: string) {
    const { partitions, keeping } = TOPICS.find((topic) => topic.name === name)!;
    return Array.from({ length: partitions }, (_, index) =>
      this.#context.book.partition(name, index, keeping),
    );
  }

  /** Ends with the hub dead and all clients out. */
  async #kill(): Promise<void> {
    const { prng, gate } = this.#context;
    const death = prng.pick(DEATHS);
    await sleep(prng.between(0, prng.pick(LOAD_MS_MAX)));
    if (death === 'file change') await this.#hub.fileChange(FILE_CHANGE_MS_MAX);
    if (death === 'twice') {
      await this.#hub.kill();
      await this.#hub.start();
      await sleep(prng.between(0, SECOND_DEATH_MS_MAX));
    }
    const dead = this.#hub.kill();
    await Promise.all([dead, gate.close()]);
    if (death !== 'start-up') return;
    for (let left = prng.between(1, STARTS_IN_VAIN_MAX); left > 0; left--)
      await this.#hub.startInVain(prng.next());
  }

  async #judge(when: string): Promise<string[]> {
    try {
      await this.#hub.start();
      const client = await RawClient.connect(this.#context.port);
      const { violations, batches } = await verify(client, this.#context.book);
      client.end();
      this.#batchesChecked += batches;
      return [...this.#hub.faults, ...violations].map((what) => `${when}: ${what}`);
    } catch (error) {
      const said = this.#hub.stderr;
      return [`${when}: ${error instanceof Error ? error.stack : error}\n${said}`, ...this.#hub.faults];
    }
  }

  #figures() {
    const { book } = this.#context;
    return {
      kills: this.#hub.kills,
      batchesChecked: this.#batchesChecked,
      records: TOPICS.flatMap(({ name }) => this.#partitions(name)).reduce((sum, p) => sum + p.endOffset, 0),
      producerIds: book.producerIds.size,
      generations: this.#members.reduce((sum, { generations }) => sum + generations, 0),
      batchesConsumed: this.#members.reduce((sum, { seen }) => sum + seen, 0),
      segmentsCleaned: this.#hub.segmentsCleaned,
      partitionsCompacted: this.#hub.partitionsCompacted,
    };
  }
}
