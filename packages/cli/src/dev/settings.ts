import { addressSetting } from '@edgelog/runtime';
import { z } from 'zod';

export const devSettings = z.object({
  dataDir: z
    .string()
    .min(1)
    .default('./edgelog-data')
    .describe('Data and logs of hub and agent, those of a cluster apart in cluster/; kept between runs.'),
  brokers: z
    .number()
    .int()
    .min(1)
    .max(9)
    .default(1)
    .describe(
      'Brokers. Several are a cluster, with one etcd: enough to try it, not to keep data, which takes three on three machines.',
    ),
  etcd: addressSetting().default('127.0.0.1:7419').describe('Where the etcd of several brokers serves them.'),
  kafka: addressSetting()
    .default('127.0.0.1:9092')
    .describe('Where Kafka clients connect, HOST:PORT; further brokers take the next ports.'),
  sync: addressSetting()
    .default('127.0.0.1:7420')
    .describe('Where the agent replicates to; further brokers take ports 10, 20 … above.'),
  hubHttp: addressSetting()
    .default('127.0.0.1:7421')
    .describe("The hub's page, /healthz, /status and /metrics; further brokers likewise."),
  mqtt: addressSetting().default('127.0.0.1:1883').describe('Where devices publish over MQTT.'),
  agentHttp: addressSetting()
    .default('127.0.0.1:7422')
    .describe("The agent's /healthz, /status and /metrics."),
  gateway: z.string().min(1).default('dev-gateway').describe('Name of the gateway.'),
  devices: z.number().int().min(0).default(12).describe('Simulated MQTT devices; 0 for none.'),
  rate: z.number().positive().default(5).describe('Readings per second and device.'),
  qos: z.number().int().min(0).max(2).default(1).describe('MQTT quality of service of the devices.'),
  outage: z.string().optional().describe('Devices fall off the network: PERIOD/DURATION, e.g. 60s/5s.'),
  serial: z.boolean().default(true).describe('A simulated scale on a serial line (needs socat).'),
  plain: z.boolean().default(false).describe('Plain lines instead of the live view.'),
});

export type DevSettings = z.output<typeof devSettings>;
