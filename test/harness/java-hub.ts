import { afterAll, beforeAll } from 'vitest';
import { kafkaJars, skipWithoutJava } from '../setup/kafka-jars.ts';
import { System } from './system.ts';

export interface JavaHub {
  /** No Java here, and not in CI: the tests are to be skipped. */
  readonly skip: boolean;
  /** Once the tests run. */
  readonly system: System;
}

/** A hub for the tests of one file, named by `tests`, that need Kafka's jars; stopped after the last of them. */
export function javaHub(tests: string, hubArgs: readonly string[] = []): JavaHub {
  const skip = skipWithoutJava(tests);
  let system: System;
  beforeAll(async () => {
    if (skip) return;
    kafkaJars();
    system = await System.create();
    await system.startHub(hubArgs);
  }, 300_000);
  afterAll(async () => {
    await system?.stop();
  });
  return {
    skip,
    get system() {
      return system;
    },
  };
}
