import { expect, test } from 'vitest';
import { RefusalLog } from './refusal-log.ts';

test('a batch that is tried again and again is told of once, and when it is taken, with how often it was not', () => {
  const said: [string, unknown][] = [];
  const say = (event: string, fields?: unknown) => void said.push([event, fields]);
  const log = new RefusalLog({ debug: say, info: say, warn: say, error: say });
  const batch = { run: 1, partition: 'telemetry-0', error: 'POLICY_VIOLATION', message: 'no' };
  for (let i = 0; i < 3; i++) log.refused(batch);
  log.refused({ ...batch, run: 2 });
  log.taken(1, 'telemetry-0');
  log.taken(1, 'telemetry-0');
  log.refused(batch);
  log.refused({ ...batch, error: 'INVALID_TIMESTAMP' });
  expect(said).toMatchObject([
    ['the cluster refuses a batch', { run: 1 }],
    ['the cluster refuses a batch', { run: 2 }],
    ['the cluster takes batches of a run again', { run: 1, refused: 'POLICY_VIOLATION', times: 3 }],
    ['the cluster refuses a batch', { run: 1, error: 'POLICY_VIOLATION' }],
    ['the cluster refuses a batch', { run: 1, error: 'INVALID_TIMESTAMP' }],
  ]);
});
