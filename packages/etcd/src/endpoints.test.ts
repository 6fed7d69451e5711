import { expect, test } from 'vitest';
import { Endpoints } from './endpoints.ts';

const [a, b, c] = ['http://a:1', 'http://b:1', 'http://c:1'].map((url) => new URL(url)) as [URL, URL, URL];
const make = (random = 0): Endpoints => new Endpoints([a, b, c], { minMs: 100, maxMs: 1_000 }, () => random);

test('stays with a member that answers', () => {
  const endpoints = make();
  endpoints.succeeded(endpoints.pick(0).url, 0);
  expect(endpoints.pick(1).url).toBe(a);
});

test('clients begin at different members', () => {
  expect([0, 0.4, 0.9].map((random) => make(random).pick(0).url)).toEqual([a, b, c]);
});

test('moves on from a member that failed, and does not come back by itself', () => {
  const endpoints = make();
  endpoints.failed(a, 0, 10);
  expect(endpoints.pick(10)).toEqual({ url: b, waitMs: 0 });
  expect(endpoints.pick(10_000).url).toBe(b);
});

test('when all failed, waits for the one that may be asked first', () => {
  const endpoints = make();
  endpoints.failed(a, 0, 10);
  endpoints.failed(b, 0, 20);
  endpoints.failed(c, 0, 15);
  expect(endpoints.pick(20)).toEqual({ url: a, waitMs: 40 });
  expect(endpoints.pick(61)).toEqual({ url: a, waitMs: 0 });
});

test('many calls that fail for one cause count as one failure', () => {
  const endpoints = make();
  for (let call = 0; call < 10; call++) endpoints.failed(a, 0, 1_000);
  endpoints.failed(b, 0, 1_000);
  endpoints.failed(c, 0, 1_000);
  expect(endpoints.pick(1_000).waitMs).toBe(50);
});

test('a failed member is left alone for longer each time, until it answers', () => {
  const endpoints = make();
  const wait = (now: number): number => {
    for (const url of [a, b, c]) endpoints.failed(url, now, now);
    return endpoints.pick(now).waitMs;
  };
  expect([0, 1_000, 2_000, 3_000, 4_000, 5_000].map(wait)).toEqual([50, 100, 200, 400, 500, 500]);
  for (const url of [a, b, c]) endpoints.succeeded(url, 6_000);
  expect(wait(7_000)).toBe(50);
});
