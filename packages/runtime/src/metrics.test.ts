import { expect, test } from 'vitest';
import { Metrics } from './metrics.ts';
import { registerProcessMetrics } from './process-metrics.ts';

test('counters, gauges and histograms render in the text format', () => {
  const metrics = new Metrics();
  const fetches = metrics.counter('requests_total', 'Requests.', { api: 'fetch' });
  fetches.inc();
  fetches.value += 2;
  metrics.counter('requests_total', 'Requests.', { api: 'produce' }).inc(5);
  metrics.gauge('lag_records', 'Lag.', () => [{ labels: { topic: 't', partition: 0 }, value: 7 }]);
  metrics.gauge('up', 'Up.', () => 1);
  const seconds = metrics.histogram('seconds', 'Time.', { api: 'fetch' }, [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 3]) seconds.observe(value);
  expect(metrics.render()).toBe(`# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{api="fetch"} 3
requests_total{api="produce"} 5
# HELP lag_records Lag.
# TYPE lag_records gauge
lag_records{topic="t",partition="0"} 7
# HELP up Up.
# TYPE up gauge
up 1
# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{api="fetch",le="0.1"} 2
seconds_bucket{api="fetch",le="1"} 3
seconds_bucket{api="fetch",le="+Inf"} 4
seconds_sum{api="fetch"} 3.65
seconds_count{api="fetch"} 4
`);
});

test('the same name and labels are the same series; a removed one is gone', () => {
  const metrics = new Metrics();
  expect(metrics.counter('a_total', 'A.', { x: '1' })).toBe(metrics.counter('a_total', 'A.', { x: '1' }));
  metrics.remove('a_total', { x: '1' });
  expect(metrics.render()).not.toContain('x="1"');
});

test('quotes, backslashes and newlines in labels and help are escaped', () => {
  const metrics = new Metrics();
  metrics.counter('a_total', 'one\\two\nthree', { path: 'C:\\"x"\n' });
  expect(metrics.render()).toContain('# HELP a_total one\\\\two\\nthree\n');
  expect(metrics.render()).toContain('a_total{path="C:\\\\\\"x\\"\\n"} 0\n');
});

test('an illegal name, or one name used for two types, is a bug', () => {
  const metrics = new Metrics();
  expect(() => metrics.counter('a-b', '')).toThrow('legal metric name');
  expect(() => metrics.counter('a', '', { 'b-c': 1 })).toThrow('legal label name');
  metrics.counter('a', '');
  expect(() => metrics.gauge('a', '', () => 1)).toThrow('registered as counter');
});

test('infinities and not-a-number have their own spelling', () => {
  const metrics = new Metrics();
  metrics.gauge('a', '', () => [Infinity, -Infinity, NaN].map((value, i) => ({ labels: { i }, value })));
  expect(metrics.render()).toContain('a{i="0"} +Inf\na{i="1"} -Inf\na{i="2"} NaN\n');
});

test('a process tells its private memory', () => {
  const metrics = new Metrics();
  const stop = registerProcessMetrics(metrics);
  const value = /^process_private_memory_bytes (\d+)$/m.exec(metrics.render())?.[1];
  stop();
  expect(Number(value)).toBeGreaterThan(1e6);
});
