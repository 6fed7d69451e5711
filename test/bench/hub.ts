import { rmSync } from 'node:fs';
import { BROKERS, type Broker, type BrokerName, prepareBroker } from './brokers.ts';
import { cells, memoryRow, ROW_HEAD, type Row, startRow, workRows } from './hub-rows.ts';
import { type Figures, topicOf, type Work, works } from './hub-work.ts';
import { printProfile, profiled } from './profile.ts';
import { type BenchOptions, printTable } from './report.ts';
import { scratchDir } from './scratch.ts';
import { loadAverage } from './usage.ts';

/**
 * Kafka's own load tools against Kafka and the hub, work by work in turns, acks=all. All brokers run all the time: what an
 * idle one costs the others is little, and a slow minute of the machine hits all of them alike.
 */
export async function benchHub({ scale, rounds, only, profile }: BenchOptions): Promise<void> {
  const dir = scratchDir();
  const brokers: Broker[] = [];
  try {
    for (const name of BROKERS) brokers.push(await prepareBroker(name, dir));
    const emptyStart = await eachInTurn(brokers, (broker) => broker.start());
    const list = works(scale, only);
    const figures = new Map<string, Figures[]>();
    const key = (work: string, broker: BrokerName): string => `${work} by ${broker}`;
    const loads: number[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const work of list) {
        for (const broker of rotated(brokers, round)) {
          const id = key(work.name, broker.name);
          figures.set(id, [...(figures.get(id) ?? []), await work.run(broker, round)]);
        }
        loads.push(loadAverage());
        process.stderr.write(`round ${round + 1} of ${rounds}: ${work.name}\n`);
      }
      const rows = workRows(list, (work, broker) => figures.get(key(work, broker))!);
      if (round + 1 < rounds) printTable(title(round + 1, loads), ROW_HEAD, rows.map(cells));
    }
    const memory = await eachInTurn(brokers, async (broker) => broker.process.privateBytes() / 2 ** 20);
    await eachInTurn(brokers, async (broker) => {
      await broker.stop();
      return 0;
    });
    const topics = [topicOf(0, 0), topicOf(0, rounds - 1)];
    const fullStart = await eachInTurn(brokers, (broker) => broker.start(topics));
    const storedGb = payloadGb(list, (work) => figures.get(key(work, 'hub'))!);
    const rows = [
      ...workRows(list, (work, broker) => figures.get(key(work, broker))!),
      memoryRow(memory),
      startRow('start to first answer, empty', emptyStart),
      startRow(`start to first answer, ${storedGb.toFixed(1)} GB stored`, fullStart),
    ];
    printTable(title(rounds, loads), ROW_HEAD, rows.map(cells));
  } finally {
    for (const broker of brokers) await broker.stop();
    rmSync(dir, { recursive: true, force: true });
  }
  if (profile) await profileHub(scale);
}

function title(rounds: number, loads: readonly number[]): string {
  const range = `${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
  return `Kafka 4.1.1 and the hub under Kafka's own tools, 6 partitions, acks=all, median of ${rounds === 1 ? 'one round' : `${rounds} rounds`}; load average ${range}`;
}

async function eachInTurn(
  brokers: readonly Broker[],
  measure: (broker: Broker) => Promise<number>,
): Promise<Row['values']> {
  const values: [BrokerName, number][] = [];
  for (const broker of brokers) values.push([broker.name, await measure(broker)]);
  return Object.fromEntries(values) as Row['values'];
}

/** So that no broker always follows the same other. */
function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

function payloadGb(list: readonly Work[], figuresOf: (work: string) => readonly Figures[]): number {
  const produced = list.filter(({ kind }) => kind === 'produce').flatMap(({ name }) => figuresOf(name));
  return produced.reduce((total, { payloadBytes }) => total + payloadBytes!, 0) / 1e9;
}

/** The works once more, with the hub alone and under --cpu-prof. */
async function profileHub(scale: number): Promise<void> {
  const dir = scratchDir();
  const { env, folder } = profiled();
  try {
    const hub = await prepareBroker('hub', dir, env);
    await hub.start();
    for (const work of works(scale)) await work.run(hub, 0);
    await hub.stop();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  printProfile('the hub under all of this', folder);
}
