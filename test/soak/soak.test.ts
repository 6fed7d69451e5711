import { expect, test } from 'vitest';
import { soak } from './soak.ts';
import { TOPICS } from './streams.ts';

const SHORTER = 16;

test('a hub under full load deletes what expires, frees its disk and says nothing', async () => {
  const topics = TOPICS.map(({ retentionBytes, retentionMs, ...topic }) => ({
    ...topic,
    ...(retentionBytes !== undefined && { retentionBytes: retentionBytes / SHORTER }),
    ...(retentionMs !== undefined && { retentionMs: retentionMs / SHORTER }),
  }));
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const findings = await soak({ minutes: 0.05, retentionCheckSeconds: 0.5, topics, print });
  const [, , disk, freed, quiet] = findings;
  expect([disk, freed, quiet].filter((finding) => !finding!.isMet)).toEqual([]);
  expect(lines.length).toBeGreaterThan(3);
});
