import { expect, test } from 'vitest';
import { soakGateway } from './soak.ts';

test('18 h at 250/min and it stops (Greengrass): a gateway to which one thing after the other happens goes on, and loses nothing', async () => {
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const findings = await soakGateway({ minutes: 0.3, seed: 11, print });
  expect(findings.filter(({ isMet }) => !isMet)).toEqual([]);
  expect(lines.length).toBeGreaterThan(1);
});
