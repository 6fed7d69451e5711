import { afterAll, beforeAll, describe, test } from 'vitest';
import { System } from '../harness/system.ts';
import { startHub } from '../interop/hub.ts';
import { SharedJvm } from '../interop/kafka-tools/runner.ts';
import { TOOL_SCENARIOS } from '../interop/kafka-tools/scenarios.ts';
import { Toolbox } from '../interop/kafka-tools/toolbox.ts';
import { kafkaJars, skipWithoutJava } from '../setup/kafka-jars.ts';

const skip = skipWithoutJava("the tests of Kafka's own tools");
let system: System;
let jvm: SharedJvm;
let tools: Toolbox;

beforeAll(async () => {
  if (skip) return;
  kafkaJars();
  system = await System.create();
  jvm = new SharedJvm();
  tools = new Toolbox(await startHub(system), system.dir, jvm.run);
});

afterAll(async () => {
  await jvm?.stop();
  await system?.stop();
});

/** In one JVM; `npm run interop` starts one for each call, as Kafka's scripts do. */
describe.skipIf(skip)("Kafka's own tools", () => {
  test.each(TOOL_SCENARIOS)('$name', ({ run }) => run(tools));
});
