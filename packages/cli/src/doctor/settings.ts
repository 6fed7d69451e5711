import { type AgentSettings, agentSettingsSchema } from '@edgelog/agent';
import { timeSetting } from '@edgelog/runtime';
import { z } from 'zod';

const agent = agentSettingsSchema.shape;
const { hub, topic, dataDir, ...others } = agent;

/** Of the agent's settings those that say how it reaches what is at --hub. */
const SHOWN = /^(kafka|sink|hub|uplinkProxy)/;

const hidden = Object.fromEntries(
  Object.entries(others).map(([key, field]) => [key, SHOWN.test(key) ? field : field.meta({ hidden: true })]),
) as typeof others;

/** What `edgelog doctor` takes: all that an agent does, so that its own configuration file can be given. */
export const doctorSettings = z.object({
  hub,
  topic: z
    .preprocess((given) => (typeof given === 'string' ? [given] : given), z.array(agent.topic))
    .default(['telemetry'])
    .describe('Kafka topics that readings go to; all that routes name should be given'),
  timeoutMs: timeSetting(1).default(10_000).describe('how long to wait for each answer'),
  json: z.boolean().default(false).describe('print JSON instead of lines'),
  ...hidden,
  dataDir: dataDir.optional().meta({ hidden: true }),
});

export type DoctorSettings = z.output<typeof doctorSettings> & Omit<AgentSettings, 'dataDir' | 'topic'>;
