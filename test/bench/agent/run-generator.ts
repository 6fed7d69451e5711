import { fileURLToPath } from 'node:url';
import { run } from '../../harness/process.ts';
import type { GeneratorOptions, GeneratorResult } from './mqtt-generator.ts';

const GENERATOR = fileURLToPath(new URL('./mqtt-generator.ts', import.meta.url));

/** Publishes as asked from a process of its own. Throws with the generator's output where a connection fails. */
export async function generate(options: GeneratorOptions): Promise<GeneratorResult> {
  const { code, stdout, stderr } = await run(process.execPath, [GENERATOR, JSON.stringify(options)], {
    timeoutMs: 600_000,
  });
  if (code !== 0) throw new Error(`the MQTT generator failed: ${stderr}`);
  return JSON.parse(stdout) as GeneratorResult;
}
