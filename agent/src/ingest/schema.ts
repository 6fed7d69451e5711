import { timeSetting } from '@edgelog/runtime/units.ts';
import { z } from 'zod';

const oneOrMore = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
const positive = z.number().int().min(1);
const jsonPath = z
  .string()
  .regex(
    /^([^.[\]]+|\[\d+\])(\.[^.[\]]+|\[\d+\])*$/,
    'expected a path into JSON such as time, data.ts, points[0].t or [0].t',
  );

const matchSchema = z.strictObject({
  topic: oneOrMore.optional().describe('MQTT topic filters; a level may be a {capture}'),
  port: oneOrMore.optional().describe('serial ports, * stands for anything'),
  kind: z.enum(['mqtt', 'serial', 'subscription']).optional(),
  client: oneOrMore.optional().describe('MQTT client ids, * stands for anything'),
});

const sampleSchema = z
  .strictObject({
    every: positive.optional().describe('the first of so many'),
    intervalMs: timeSetting(1, Number.MAX_SAFE_INTEGER).optional().describe('at most one in so many ms'),
    onChange: z.boolean().optional().describe('only what differs from the last one kept'),
    deadband: z.number().min(0).optional().describe('numbers differ if they do by more than this'),
    path: jsonPath
      .optional()
      .describe('where in JSON the value is that is compared; default the whole payload'),
    atLeastEveryMs: timeSetting(1, Number.MAX_SAFE_INTEGER)
      .optional()
      .describe('kept without a change after so many ms'),
  })
  .refine(
    ({ every, intervalMs, onChange, deadband }) =>
      every !== undefined || intervalMs !== undefined || onChange === true || deadband !== undefined,
    'expected every, intervalMs, onChange or deadband',
  );

const timestampSchema = z.strictObject({
  path: jsonPath,
  format: z.enum(['s', 'ms', 'us', 'ns', 'iso']).default('ms'),
});

export const routeSchema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .optional()
      .describe('what counters and alarms call it; default route and its number'),
    match: z.union([oneOrMore, matchSchema]).describe('MQTT topic filters, or topic, port, kind, client'),
    topic: z.string().min(1).optional().describe('Kafka topic; {captures} are filled in; default --topic'),
    key: z.string().optional().describe('default {name}'),
    headers: z.record(z.string().min(1), z.string()).optional(),
    stop: z.boolean().default(true).describe('false: the routes behind it are tried as well'),
    drop: z.boolean().default(false),
    sample: sampleSchema.optional(),
    timestamp: z
      .union([z.literal('arrival'), z.literal('sparkplug'), timestampSchema])
      .default('arrival')
      .describe('where the header edgelog.time comes from; arrival: none'),
    sparkplug: z.enum(['json', 'raw']).default('raw').describe('json: Sparkplug B payloads become JSON'),
  })
  .refine(
    ({ drop, topic, key, headers, sample }) =>
      !drop || [topic, key, headers, sample].every((one) => one === undefined),
    'drop stands alone: topic, key, headers and sample have no meaning beside it',
  );

/** The routes section of the agent's YAML: the first that matches decides, unless it says `stop: false`. */
export const routesSchema = z.array(routeSchema).max(1000);

export type RouteSetting = z.output<typeof routeSchema>;
export type SampleSetting = z.output<typeof sampleSchema>;
