import { afterAll, beforeAll } from 'vitest';
import { type KafkaOptions, type KafkaProcesses, startKafka } from '../harness/kafka.ts';
import { skipWithoutJava } from '../setup/kafka-jars.ts';

/**
 * Real Kafka for the tests of a file, started before them and stopped after them. `tests`: what is skipped without Java, for whoever
 * reads that. `started` gets the cluster, and may prepare what the tests want of it. Answers whether to skip.
 */
export function withKafka(
  tests: string,
  started: (kafka: KafkaProcesses) => unknown,
  options?: KafkaOptions,
): boolean {
  if (skipWithoutJava(tests)) return true;
  let kafka: KafkaProcesses | undefined;
  beforeAll(async () => {
    kafka = await startKafka(options);
    await started(kafka);
  });
  afterAll(() => kafka?.stop());
  return false;
}
