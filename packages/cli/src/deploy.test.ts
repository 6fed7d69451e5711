import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentSettingsSchema } from '@edgelog/agent';
import { hubSettings } from '@edgelog/hub';
import { loadSettings } from '@edgelog/runtime';
import { expect, test } from 'vitest';

const here = (path: string) => join(import.meta.dirname, '../../../deploy', path);
const read = (path: string) => readFileSync(here(path), 'utf8');

test.each([
  ['agent.yaml', agentSettingsSchema],
  ['hub.yaml', hubSettings],
] as const)('the program takes %s as it is', (file, schema) => {
  const argv = ['--config', here(`config/${file}`)];
  const settings = loadSettings({ command: file, summary: '', schema, argv, env: {} });
  expect(settings.dataDir).toMatch(/^\/var\/lib\/edgelog-/);
});

test.each(['agent', 'hub'])(
  'edgelog-%s.service starts a file that exists with the example of its command',
  (name) => {
    const unit = read(`systemd/edgelog-${name}.service`);
    const start = /^ExecStart=\/opt\/edgelog\/node_modules\/\.bin\/node (.*)$/m.exec(unit)?.[1] ?? '';
    const main = start.split(' ').find((word) => word.endsWith('.ts')) ?? '';
    expect(() => read(`../${main}`)).not.toThrow();
    expect(start).toContain(`${name} --config /etc/edgelog/${name}.yaml`);
    expect(unit).toContain(`StateDirectory=edgelog-${name}\n`);
    expect(read(`config/${name}.yaml`)).toContain(`dataDir: /var/lib/edgelog-${name}\n`);
  },
);

test('the image installs every workspace, or npm ci would refuse the lock file', () => {
  const dockerfile = read('docker/Dockerfile');
  const packages = readdirSync(here('../packages')).map((name) => `packages/${name}`);
  for (const workspace of [...packages, 'agent', 'hub', 'devices']) {
    expect(dockerfile).toContain(`COPY ${workspace}/package.json ${workspace}/`);
  }
});
