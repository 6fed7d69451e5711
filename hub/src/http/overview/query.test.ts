import { expect, test } from 'vitest';
import { overviewQuery, reportParameters, reportQuery, reportQueryOf } from './query.ts';

test('a broker asks others exactly what it asks itself', () => {
  const query = overviewQuery.parse({
    groups: 'a & b=ü',
    gateways: '100 %',
    groupsPage: '3',
    group: '',
    problems: '1',
  });
  const asked = reportQueryOf(query);
  expect(asked).toEqual({
    groups: 'a & b=ü',
    groupsThrough: 150,
    gateways: '100 %',
    group: '',
    problems: true,
  });
  expect(reportQuery.parse(Object.fromEntries(reportParameters(asked)))).toEqual(asked);
});

test('pages are numbered from 1, and no search or page makes an answer large', () => {
  expect(overviewQuery.parse({ topicsPage: '2' })).toMatchObject({
    topicsPage: 1,
    groupsPage: 0,
    problems: false,
  });
  for (const wrong of [
    { topicsPage: '0' },
    { groupsPage: '1.5' },
    { gatewaysPage: '201' },
    { topics: 'x'.repeat(250) },
  ])
    expect(overviewQuery.safeParse(wrong).success).toBe(false);
  expect(reportQuery.safeParse({ groupsThrough: '10001' }).success).toBe(false);
});
