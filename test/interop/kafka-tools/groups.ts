import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLASSIC, NEW, RECORDS, TOPIC } from './records.ts';
import { expectEqual, expectMatch, rowsOf, sum, type Toolbox, type ToolScenario } from './toolbox.ts';

const list = async (tools: Toolbox, ...args: string[]): Promise<string[]> =>
  rowsOf(await tools.ok('groups', ['--list', ...args]))
    .map((row) => row.join(' '))
    .filter((row) => row.startsWith(CLASSIC) || row.startsWith(NEW))
    .sort();

/** Partition, committed offset and lag, as `--describe` shows them. */
async function describe(tools: Toolbox, group: string): Promise<number[][]> {
  const rows = rowsOf(await tools.ok('groups', ['--describe', '--group', group]));
  return rows
    .filter(([first, topic]) => first === group && topic === TOPIC)
    .map((row) => [row[2], row[3], row[5]].map(Number))
    .sort((a, b) => a[0]! - b[0]!);
}
const total = (rows: readonly number[][], index: number): number => sum(rows.map((row) => row[index]!));

const reset = (tools: Toolbox, ...args: string[]) =>
  tools.ok('groups', ['--group', CLASSIC, '--reset-offsets', ...args]);

/** Resets the offsets of all partitions and looks whether they have this sum. */
async function resetTo(tools: Toolbox, to: readonly string[], expected: number): Promise<void> {
  await reset(tools, '--topic', TOPIC, ...to, '--execute');
  const rows = await describe(tools, CLASSIC);
  expectEqual(`committed after ${to.join(' ')}`, [rows.length, total(rows, 1)], [3, expected]);
}

export const GROUP_SCENARIOS: readonly ToolScenario[] = [
  {
    name: 'consumer-groups: list, by state and by type',
    run: async (tools) => {
      expectEqual('groups', await list(tools), [CLASSIC, NEW]);
      expectEqual('states', await list(tools, '--state'), [`${CLASSIC} Empty`, `${NEW} Empty`]);
      expectEqual('stable ones', await list(tools, '--state', 'Stable'), []);
      expectEqual('types', await list(tools, '--type'), [`${CLASSIC} Classic`, `${NEW} Consumer`]);
      expectEqual('of one type', await list(tools, '--type', 'consumer'), [`${NEW} Consumer`]);
      const all = rowsOf(await tools.ok('allGroups', ['--list', '--consumer'])).map((row) => row.join(' '));
      for (const row of [`${CLASSIC} Classic consumer`, `${NEW} Consumer consumer`])
        expectEqual(row, all.includes(row), true);
    },
  },
  {
    name: 'consumer-groups: describe offsets, members, state',
    run: async (tools) => {
      for (const group of [CLASSIC, NEW]) {
        const rows = await describe(tools, group);
        expectEqual(
          `committed and lag of ${group}`,
          [rows.length, total(rows, 1), total(rows, 2)],
          [3, RECORDS, 0],
        );
        const about = (...args: string[]) => tools.ok('groups', ['--describe', '--group', group, ...args]);
        expectMatch(
          await about('--state'),
          new RegExp(`^${group} +${tools.hub.bootstrap} +\\(1\\) +\\S+ +Empty +0`, 'm'),
        );
        expectMatch((await about('--members', '--verbose')) || 'GROUP', /^\s*(GROUP .*)?\s*$/);
      }
      expectMatch(
        await tools.refused('groups', ['--describe', '--group', 'nobody']),
        /Group nobody not found/,
      );
    },
  },
  {
    name: 'consumer-groups: reset offsets in every way',
    run: async (tools) => {
      await resetTo(tools, ['--to-earliest'], 0);
      await resetTo(tools, ['--to-latest'], RECORDS);
      await resetTo(tools, ['--shift-by', '-10'], RECORDS - 30);
      await resetTo(tools, ['--to-current'], RECORDS - 30);
      await resetTo(tools, ['--to-datetime', '2020-01-01T00:00:00.000'], 0);
      await resetTo(tools, ['--to-datetime', '2100-01-01T00:00:00.000'], RECORDS);
      await resetTo(tools, ['--by-duration', 'PT1H'], 0);
      await resetTo(tools, ['--to-offset', '7'], 21);
      await resetTo(tools, ['--to-offset', '1000000'], RECORDS);
      const file = join(tools.dir, 'offsets.csv');
      writeFileSync(file, `${TOPIC},0,3\n${TOPIC},1,4\n`);
      await reset(tools, '--from-file', file, '--execute');
      const changed = (await describe(tools, CLASSIC)).map(([, committed]) => committed);
      expectEqual('from a file', changed.slice(0, 2), [3, 4]);
      const exported = await reset(tools, '--all-topics', '--to-current', '--export', '--dry-run');
      const lines = exported.split('\n').filter(Boolean).sort();
      expectEqual(
        'exported',
        lines,
        changed.map((offset, partition) => `${TOPIC},${partition},${offset}`),
      );
      await reset(tools, '--topic', `${TOPIC}:0,1`, '--to-earliest', '--dry-run');
      expectEqual(
        'after a dry run',
        (await describe(tools, CLASSIC)).map(([, committed]) => committed),
        changed,
      );
    },
  },
  {
    name: 'streams application reset',
    run: async (tools) => {
      const inputs = ['--application-id', CLASSIC, '--input-topics', TOPIC, '--force'];
      expectMatch(
        await tools.ok('streamsResetter', [...inputs, '--to-earliest']),
        /Topic: \S+ Partition: 2 Offset: 0/,
      );
      expectEqual('committed', total(await describe(tools, CLASSIC), 1), 0);
    },
  },
  {
    name: 'consumer-groups: delete offsets',
    run: async (tools) => {
      const output = await tools.ok('groups', [
        '--group',
        CLASSIC,
        '--delete-offsets',
        '--topic',
        `${TOPIC}:0`,
      ]);
      expectMatch(output, new RegExp(`^${TOPIC} +0 +Successful`, 'm'));
      expectEqual(
        'partitions left',
        (await describe(tools, CLASSIC)).map(([partition]) => partition),
        [1, 2],
      );
    },
  },
  {
    name: 'consumer-groups: delete',
    run: async (tools) => {
      const output = await tools.ok('groups', ['--delete', '--group', CLASSIC, '--group', NEW]);
      expectMatch(output, /Deletion of requested consumer groups \(.*\) was successful/);
      expectEqual('groups left', await list(tools), []);
      expectMatch(
        await tools.refused('groups', ['--delete', '--group', CLASSIC]),
        /GroupIdNotFoundException/,
      );
    },
  },
];
