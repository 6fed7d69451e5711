import { BROKERS, type BrokerName } from './brokers.ts';
import type { Figures, Work } from './hub-work.ts';
import { median } from './report.ts';

/** The bounds of issue 4 for ours over theirs. `most`: the ratio is to stay below. */
interface Bound {
  must: number;
  goal: number;
  most?: boolean;
  /** The goal bounds ours itself, in the row's unit, not the ratio. */
  isGoalAbsolute?: boolean;
}

/** One row of the table: a figure of every broker, and what ours is to be beside which. */
export interface Row {
  name: string;
  unit: string;
  digits: number;
  values: Record<BrokerName, number>;
  bounds: Partial<Record<BrokerName, Bound>>;
}

/** Rounds of figures of one work by one broker. */
export type Results = (work: string, broker: BrokerName) => readonly Figures[];

const FLUSH_COST: Bound = { must: 0.7, goal: 0.9 };
const PRODUCE_BOUNDS: readonly Row['bounds'][] = [
  { kafka: { must: 1.3, goal: 1.8 }, 'kafka, flush.messages=1': { must: 2.5, goal: 4 } },
  { kafka: { must: 1.1, goal: 1.5 }, 'kafka, flush.messages=1': { must: 3, goal: 5 } },
  { kafka: { must: 1.1, goal: 1.4 }, 'kafka, flush.messages=1': { must: 1.4, goal: 2 } },
];

/** Medians over the rounds of each work, and CPU over all works of a kind. */
export function workRows(works: readonly Work[], results: Results): Row[] {
  const row = (
    name: string,
    unit: string,
    value: (broker: BrokerName) => number,
    bounds: Row['bounds'],
  ): Row => {
    const values = Object.fromEntries(BROKERS.map((broker) => [broker, value(broker)])) as Row['values'];
    return { name, unit, digits: 1, values, bounds };
  };
  const middle = (work: Work, broker: BrokerName, pick: (figures: Figures) => number): number =>
    median(results(work.name, broker).map(pick));

  const produceWorks = works.filter(({ kind }) => kind === 'produce');
  const consumeWorks = works.filter(({ kind }) => kind === 'consume');
  const cpuPerGb = (some: readonly Work[], broker: BrokerName): number => {
    const figures = some.flatMap((work) => results(work.name, broker));
    const sum = (pick: (one: Figures) => number) => figures.reduce((total, one) => total + pick(one), 0);
    return sum((one) => one.cpuSeconds!) / (sum((one) => one.payloadBytes!) / 1e9);
  };
  /** One, or none where nothing of the kind was done. */
  const cpuRows = (what: string, some: readonly Work[], kafka: Bound): Row[] =>
    some.length === 0
      ? []
      : [row(`broker CPU per GB ${what}`, 's', (broker) => cpuPerGb(some, broker), { kafka })];
  return [
    ...produceWorks.map((work, index) =>
      row(work.name, 'MB/s', (broker) => middle(work, broker, ({ mibPerSecond }) => mibPerSecond!), {
        ...PRODUCE_BOUNDS[index],
        'hub, no flush': FLUSH_COST,
      }),
    ),
    ...consumeWorks.map((work) =>
      row(work.name, 'MB/s', (broker) => middle(work, broker, ({ mibPerSecond }) => mibPerSecond!), {
        kafka: { must: 1, goal: 1.3 },
      }),
    ),
    ...works
      .filter(({ kind }) => kind === 'acknowledge')
      .flatMap((work) => [
        row(`${work.name}: p50`, 'ms', (broker) => middle(work, broker, ({ p50Ms }) => p50Ms!), {}),
        row(`${work.name}: p99`, 'ms', (broker) => middle(work, broker, ({ p99Ms }) => p99Ms!), {
          kafka: { must: 1, goal: 0.5, most: true },
        }),
      ]),
    ...cpuRows('produced', produceWorks, { must: 0.5, goal: 0.3, most: true }),
    ...cpuRows('consumed', consumeWorks, { must: 1, goal: 0.6, most: true }),
  ];
}

export function memoryRow(values: Row['values']): Row {
  const bounds = { kafka: { must: 1 / 3, goal: 1 / 5, most: true } };
  return { name: 'private memory at the end', unit: 'MiB', digits: 0, values, bounds };
}

export function startRow(name: string, values: Row['values']): Row {
  const bounds = { kafka: { must: 1 / 5, goal: 0.3, isGoalAbsolute: true, most: true } };
  return { name, unit: 's', digits: 2, values, bounds };
}

export const ROW_HEAD = [
  'work',
  'unit',
  ...BROKERS,
  'hub / kafka',
  'hub / flushed kafka',
  'hub / unflushed hub',
];

/** Cells in the order of ROW_HEAD. */
export function cells({ name, unit, digits, values, bounds }: Row): string[] {
  const against = BROKERS.filter((broker) => broker !== 'hub').map((broker) => {
    const ratio = values.hub / values[broker];
    const bound = bounds[broker];
    return bound === undefined
      ? ratio.toFixed(2)
      : `${ratio.toFixed(2)} ${verdict(ratio, values.hub, unit, bound)}`;
  });
  return [name, unit, ...BROKERS.map((broker) => values[broker].toFixed(digits)), ...against];
}

function verdict(ratio: number, ours: number, unit: string, bound: Bound): string {
  const { must, goal, most = false, isGoalAbsolute = false } = bound;
  const holds = (value: number, limit: number): boolean => (most ? value <= limit : value >= limit);
  const word = holds(isGoalAbsolute ? ours : ratio, goal) ? 'GOAL' : holds(ratio, must) ? 'met' : 'MISSED';
  const goalText = `${short(goal)}${isGoalAbsolute ? ` ${unit}` : ''}`;
  return `(${most ? '≤' : '≥'} ${short(must)}, goal ${goalText}: ${word})`;
}

const short = (bound: number): string => String(Number(bound.toFixed(2)));
