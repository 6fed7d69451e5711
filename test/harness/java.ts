import { kafkaTool } from '../setup/kafka-jars.ts';
import { run } from './process.ts';

/**
 * Runs a class of Kafka's jars, or a Java source file that needs them, and gives what it printed. Throws with its whole output
 * when it fails.
 */
export async function java(program: string, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await run('java', kafkaTool(program, ...args), {
    timeoutMs: 240_000,
    ...(input === undefined ? {} : { input }),
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** What a program of ours printed as lines of a name, a tab and a value. */
export async function javaResults(
  program: string,
  args: readonly string[],
): Promise<Record<string, string | undefined>> {
  const lines = (await java(program, args)).trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split('\t')));
}
