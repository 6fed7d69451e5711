import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apis, saslApis } from '../apis/index.ts';
import { layoutOf } from '../schema/layout.ts';
import type { Api, Message } from '../schema/message.ts';
import { messageArbitrary } from '../testing/arbitrary.ts';
import { kafkaJson } from '../testing/kafka-json.ts';
import { findClientsJar, JAR_FOLDERS } from '../testing/official-messages.ts';
import { encodeMessage } from './frame.ts';

const PROGRAM = join(import.meta.dirname, '../testing/CompareBytes.java');
const MESSAGES_PER_VERSION = 6;
/** It runs for a second or two: not worth the better compiler. */
const QUICK_START = ['-XX:TieredStopAtLevel=1', '-Xshare:auto'];

const jar = findClientsJar();
const lacking =
  jar === undefined
    ? `no kafka-clients jar in ${JAR_FOLDERS.join(', ')} (set EDGELOG_KAFKA_JARS)`
    : spawnSync('java', ['-version']).error && 'no Java here';

test.skipIf(lacking !== undefined && process.env.CI !== 'true')(
  `our bytes are those of Kafka's own classes${lacking === undefined ? '' : `: ${lacking}`}`,
  () => {
    if (jar === undefined || lacking !== undefined) expect.fail(lacking);
    const seed = randomInt(2 ** 31);
    const lines = Object.values<Api>({ ...apis, ...saslApis })
      .filter(({ isInternal }) => !isInternal)
      .flatMap((api) => [
        ...randomLines(`${api.name}Request`, api.request, seed),
        ...randomLines(`${api.name}Response`, api.response, seed),
      ]);
    const { stdout, stderr, status } = spawnSync(
      'java',
      [...QUICK_START, '-cp', join(dirname(jar), '*'), PROGRAM],
      {
        input: `${lines.join('\n')}\n`,
        encoding: 'utf8',
        maxBuffer: 2 ** 30,
      },
    );
    expect(status, stderr).toBe(0);
    const printed = stdout.trim().split('\n');
    expect(printed.pop()).toBe(String(lines.length));
    const differing = printed.slice(0, 3).map((line) => {
      const [index, theirs] = line.split('\t');
      const [name, version, ours, json] = lines[Number(index)]!.split('\t');
      return { message: `${name} ${version}`, json, ours, theirs };
    });
    expect(differing, `seed ${seed}`).toEqual([]);
  },
);

/** What CompareBytes.java reads, of random messages in every version. */
function randomLines(name: string, message: Message, seed: number): string[] {
  const [min, max] = message.versions;
  return Array.from({ length: max - min + 1 }, (_, i) => min + i).flatMap((version) => {
    const layout = layoutOf(message, version);
    return fc.sample(messageArbitrary(layout), { numRuns: MESSAGES_PER_VERSION, seed }).map((value) => {
      const bytes = encodeMessage(message, version, value).toString('base64');
      return [name, version, bytes, kafkaJson(layout, value)].join('\t');
    });
  });
}
