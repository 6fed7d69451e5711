import { fileURLToPath } from 'node:url';
import { run } from '../harness/process.ts';
import type { AckGeneratorOptions, AckLatency } from './ack-generator.ts';

const GENERATOR = fileURLToPath(new URL('./ack-generator.ts', import.meta.url));
const SLACK_MS = 60_000;

/** Latency of acknowledgements at a steady rate, measured by a process of its own. */
export async function ackLatency(options: AckGeneratorOptions): Promise<AckLatency> {
  const timeoutMs = options.warmUpMs + options.durationMs + SLACK_MS;
  const { code, stdout, stderr } = await run(process.execPath, [GENERATOR, JSON.stringify(options)], {
    timeoutMs,
  });
  if (code !== 0) throw new Error(`the generator failed: ${stderr}`);
  return JSON.parse(stdout) as AckLatency;
}
