import { describe, expect, test } from 'vitest';
import type { KafkaProcesses } from '../harness/kafka.ts';
import { edgelog } from '../harness/process.ts';
import { withKafka } from './with-kafka.ts';

/* What `edgelog doctor` says of topics that are not there yet: as this cluster would make them. */

let kafka: KafkaProcesses;
const skip = withKafka(
  'what doctor says of a cluster',
  (started) => {
    kafka = started;
  },
  {
    configs: {
      'log.retention.ms': 86_400_000,
      'log.message.timestamp.before.max.ms': 604_800_000,
      'message.max.bytes': 100_000,
      'compression.type': 'gzip',
      'unclean.leader.election.enable': 'true',
    },
  },
);

async function doctor(...flags: string[]): Promise<{ code: number | null; stdout: string }> {
  const asked = edgelog(['doctor', '--hub', `kafka://${kafka.bootstrap}`, ...flags]);
  const { code } = await asked.exited;
  return { code, stdout: asked.stdout };
}

describe.skipIf(skip)('of a topic that is yet to be made doctor says', () => {
  test('what would be wrong with it as the brokers are set, once for all such topics', async () => {
    const { code, stdout } = await doctor('--topic', 'readings,alarms');
    expect(stdout).toMatch(/ok +topic alarms: is not there; it is created/);
    const about = 'topic readings, alarms: would be created with';
    for (const finding of [
      `warning +${about} retention.ms=86400000: records are deleted 24 hours after`,
      `problem +${about} message.timestamp.before.max.ms=604800000: records older than 7 days are refused`,
      `warning +${about} max.message.bytes=100000`,
      `problem +${about} compression.type=gzip`,
      `warning +${about} unclean.leader.election.enable=true`,
    ])
      expect(stdout).toMatch(new RegExp(finding));
    expect(stdout).toContain('for topics that gateways create: --sink-topic-config retention.ms=…');
    expect(code).toBe(1);
  });

  test('nothing of what --sink-topic-config sets otherwise, but that somebody else may make it first', async () => {
    const { code, stdout } = await doctor(
      ...[
        'retention.ms=-1',
        'message.timestamp.before.max.ms=9223372036854775807',
        'max.message.bytes=2000000',
        'compression.type=producer',
        'unclean.leader.election.enable=false',
      ].flatMap((config) => ['--sink-topic-config', config]),
    );
    expect(stdout).toMatch(/ok +topic telemetry: would be created with settings that suit/);
    expect(stdout).toMatch(/warning +topic telemetry: auto.create.topics.enable=true/);
    expect(code).toBe(0);
  });

  test('that the cluster would not make it', async () => {
    const wrong = await doctor('--sink-topic-config', 'retention.ms=soon');
    expect(wrong.stdout).toMatch(/problem +topic telemetry: .*cannot be created: .*retention.ms/);
    const tooMany = await doctor('--sink-replication', '3');
    expect(tooMany.stdout).toMatch(/problem +topic telemetry: .*cannot be created: .*replication/i);
    expect([wrong.code, tooMany.code]).toEqual([1, 1]);
  });

  test('that it would have the time of its arrival, where the brokers give it that', async () => {
    await kafka.admin.setBrokerConfigs({ 'log.message.timestamp.type': 'LogAppendTime' });
    const { stdout } = await doctor();
    expect(stdout).toMatch(
      /note +topic telemetry: would be created with message.timestamp.type=LogAppendTime/,
    );
    expect(stdout).not.toMatch(/created with retention.ms/);
  });
});
