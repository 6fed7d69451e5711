import { expect, test } from 'vitest';
import { runCli } from './run-cli.ts';

test('--version and --help end with 0', async () => {
  expect(await runCli(['--version'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^edgelog \d+\.\d+\.\d+ \(node v/),
  });
  const { code, stdout } = await runCli(['--help']);
  expect(code).toBe(0);
  for (const command of [
    'dev',
    'hub',
    'agent',
    'topics',
    'configs',
    'groups',
    'produce',
    'consume',
    'devices',
  ])
    expect(stdout).toContain(`\n  ${command} `);
});
test('an unknown command is named with the nearest one, exit status 2', async () => {
  expect(await runCli(['tpics'])).toEqual({
    code: 2,
    stdout: '',
    stderr: 'edgelog: unknown command "tpics" (did you mean topics?); see edgelog --help\n',
  });
  expect(await runCli([])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Usage: edgelog COMMAND'),
  });
});
test.each(['dev', 'hub', 'agent', 'topics', 'configs', 'groups'])(
  '%s --help tells its flags',
  async (command) => {
    const { code, stdout } = await runCli(['help', command]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: edgelog ${command} \\[flags\\]`));
    expect(stdout).toMatch(/--help +This text/);
  },
);
test('an unknown flag is one clear line', async () => {
  expect(await runCli(['hub', '--data-dir', '/tmp/x', '--kafca', 'h:1'])).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'edgelog: CONFIG_INVALID: edgelog hub: unknown flag --kafca (did you mean --kafka?); see --help\n',
  });
});
