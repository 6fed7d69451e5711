import { join } from 'node:path';
import { expect, test } from 'vitest';
import { javaResults } from '../harness/java.ts';
import { javaHub } from '../harness/java-hub.ts';

const PROGRAM = join(import.meta.dirname, 'java/GroupScenarios.java');
const hub = javaHub("the test of groups of Java's consumers", [
  ...['--consumer-heartbeat-interval-ms', '300'],
  ...['--consumer-session-timeout-ms', '12000'],
]);

test.skipIf(hub.skip)(
  'groups of Java consumers: members come, are killed, come back, read by pattern, and change their protocol while they run',
  async () => {
    const results = await javaResults(PROGRAM, [hub.system.bootstrap]);
    expect(results).toEqual({
      rebalance: 'read again though committed: 0, as it was not: true',
      static: 'same partitions: true, the other noticed: false',
      pattern: 'values read: 0 to 29',
      rolling: 'lost 0, doubled 0, [Consumer, Consumer, Consumer, Consumer, Consumer, Classic], enough: true',
    });
    const removed = hub.system
      .hub!.stderr.split('\n')
      .filter((line) => line.includes('group member removed'))
      .map((line) => JSON.parse(line))
      .filter(({ group }) => group === 'rebalance');
    expect(removed).toMatchObject([{ group: 'rebalance', reason: 'session timeout', timeoutMs: 12_000 }]);
  },
);
