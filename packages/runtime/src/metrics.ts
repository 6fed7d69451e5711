import { assert } from '@edgelog/base';

export type Labels = Readonly<Record<string, string | number>>;
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}
/** Read when the metrics are rendered: one number, or one sample per set of labels. */
export type Collect = () => number | Iterable<Sample>;

/** Only ever grows. Add to `value` directly on a hot path. */
export class Counter {
  value = 0;
  inc(by = 1): void {
    this.value += by;
  }
}

/** Cumulative buckets, sum and count. `bounds` are the upper bounds in ascending order. */
export class Histogram {
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= this.bounds[middle]!) high = middle;
      else low = middle + 1;
    }
    this.counts[low]! += 1;
    this.sum += value;
  }
}

/** Upper bounds in seconds, from half a millisecond to ten seconds. */
export const LATENCY_SECONDS_BOUNDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

type FamilyType = 'counter' | 'gauge' | 'histogram';
interface Family {
  readonly type: FamilyType;
  readonly help: string;
  readonly series: Map<string, Counter | Histogram>;
  readonly collect: Collect[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** A registry of metrics, rendered in Prometheus' text format 0.0.4. Look series up once and keep them. */
export class Metrics {
  readonly #families = new Map<string, Family>();

  /** The counter of this name and these labels, made on first use. */
  counter(name: string, help: string, labels: Labels = {}): Counter {
    const series = this.#family(name, 'counter', help).series;
    const key = renderLabels(labels);
    let counter = series.get(key);
    if (counter === undefined) {
      counter = new Counter();
      series.set(key, counter);
    }
    assert(counter instanceof Counter, `${name} is a counter`);
    return counter;
  }

  /** A counter whose value something else keeps. */
  counterFrom(name: string, help: string, collect: Collect): void {
    this.#family(name, 'counter', help).collect.push(collect);
  }

  /** A value that goes up and down, read at rendering. */
  gauge(name: string, help: string, collect: Collect): void {
    this.#family(name, 'gauge', help).collect.push(collect);
  }

  /** The histogram of this name and these labels, made on first use. */
  histogram(
    name: string,
    help: string,
    labels: Labels = {},
    bounds: readonly number[] = LATENCY_SECONDS_BOUNDS,
  ): Histogram {
    const series = this.#family(name, 'histogram', help).series;
    const key = renderLabels(labels);
    let histogram = series.get(key);
    if (histogram === undefined) {
      histogram = new Histogram(bounds);
      series.set(key, histogram);
    }
    assert(histogram instanceof Histogram, `${name} is a histogram`);
    return histogram;
  }

  /** Takes a series away, e.g. when its partition is gone. */
  remove(name: string, labels: Labels): void {
    this.#families.get(name)?.series.delete(renderLabels(labels));
  }

  render(): string {
    const lines: string[] = [];
    for (const [name, family] of this.#families) {
      lines.push(`# HELP ${name} ${family.help.replace(/[\\\n]/g, (c) => (c === '\n' ? '\\n' : '\\\\'))}`);
      lines.push(`# TYPE ${name} ${family.type}`);
      for (const [labels, series] of family.series) {
        if (series instanceof Counter) lines.push(`${name}${braced(labels)} ${renderNumber(series.value)}`);
        else renderHistogram(lines, name, labels, series);
      }
      for (const collect of family.collect) {
        const collected = collect();
        if (typeof collected === 'number') lines.push(`${name} ${renderNumber(collected)}`);
        else
          for (const { labels, value } of collected)
            lines.push(`${name}${braced(renderLabels(labels))} ${renderNumber(value)}`);
      }
    }
    return `${lines.join('\n')}\n`;
  }

  #family(name: string, type: FamilyType, help: string): Family {
    let family = this.#families.get(name);
    if (family === undefined) {
      assert(NAME.test(name), `${JSON.stringify(name)} is a legal metric name`);
      family = { type, help, series: new Map(), collect: [] };
      this.#families.set(name, family);
    }
    assert(family.type === type, `${name} is registered as ${family.type}, not as ${type}`);
    return family;
  }
}

function renderHistogram(lines: string[], name: string, labels: string, histogram: Histogram): void {
  const prefix = labels === '' ? '' : `${labels},`;
  let cumulative = 0;
  histogram.counts.forEach((count, i) => {
    cumulative += count;
    const bound = i < histogram.bounds.length ? renderNumber(histogram.bounds[i]!) : '+Inf';
    lines.push(`${name}_bucket{${prefix}le="${bound}"} ${cumulative}`);
  });
  lines.push(`${name}_sum${braced(labels)} ${renderNumber(histogram.sum)}`);
  lines.push(`${name}_count${braced(labels)} ${cumulative}`);
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

function renderLabels(labels: Labels): string {
  const pairs: string[] = [];
  for (const key in labels) {
    assert(LABEL.test(key), `${JSON.stringify(key)} is a legal label name`);
    pairs.push(`${key}="${String(labels[key]).replace(/[\\"\n]/g, (c) => ESCAPES[c]!)}"`);
  }
  return pairs.join(',');
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

function renderNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}
