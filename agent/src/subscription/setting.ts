import { z } from 'zod';

const PROTOCOLS = ['mqtt:', 'mqtts:', 'ws:', 'wss:'];

function brokerUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && PROTOCOLS.includes(url.protocol) && url.hostname !== '' && url.username === '';
}

/** A filter without wildcards where none may be [MQTT-4.7.1]. */
function topicFilter(text: string): boolean {
  const levels = text.split('/');
  return levels.every(
    (level, i) => !/[+#]/.test(level) || level === '+' || (level === '#' && i === levels.length - 1),
  );
}

const filter = z
  .string()
  .min(1)
  .max(1000)
  .refine(
    topicFilter,
    'expected a topic filter: + stands for a whole level, # for all that follow, at the end',
  );

/** One existing broker to take messages from: an entry of `subscribe:` in the file of settings. */
export const subscriptionSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-zA-Z0-9._-]{1,64}$/, 'expected 1 to 64 of a-z A-Z 0-9 . _ -')
      .optional()
      .describe('in metrics, status and the header edgelog.source; default the host'),
    url: z
      .string()
      .refine(brokerUrl, 'expected mqtt://, mqtts://, ws:// or wss:// and a host, without a user')
      .describe('where the broker is'),
    filters: z.array(filter).min(1).max(100).describe('topic filters; $share/GROUP/FILTER shares one'),
    share: z
      .string()
      .regex(/^[^/+#]+$/, 'expected a name without / + #')
      .optional()
      .describe('group that all filters are shared in: each message goes to one of its members'),
    qos: z.literal([0, 1, 2]).default(1).describe('highest QoS asked for'),
    protocol: z
      .union([z.literal('3.1.1'), z.literal(5), z.literal('5')])
      .default(5)
      .describe('version of MQTT'),
    clientId: z.string().min(1).max(256).optional().describe('default edgelog-GATEWAY'),
    username: z.string().optional(),
    password: z.string().optional(),
    passwordFile: z
      .string()
      .min(1)
      .optional()
      .describe('file with the password; its last newline is left out'),
    ca: z
      .string()
      .min(1)
      .optional()
      .describe('certificates to trust, a PEM file; default those of the system'),
    cert: z.string().min(1).optional().describe('certificate of this gateway, a PEM file'),
    key: z.string().min(1).optional().describe('its private key, a PEM file'),
    persistent: z
      .boolean()
      .default(true)
      .describe('the broker keeps what comes while this gateway is away; false begins anew each time'),
    sessionHours: z.number().int().min(1).max(100_000).default(168).describe('for how long (MQTT 5)'),
    keepAliveSeconds: z.number().int().min(5).max(3600).default(30),
  })
  .refine(({ password, passwordFile }) => password === undefined || passwordFile === undefined, {
    message: 'password and passwordFile: give one of them',
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    message: 'cert and key belong together',
  });

export type SubscriptionSetting = z.output<typeof subscriptionSchema>;

export const subscriptionsSchema = z
  .array(subscriptionSchema)
  .refine((all) => new Set(all.map(nameOf)).size === all.length, {
    message: 'two entries have the same name, or the same host and no name',
  });

/** What a subscription is called. */
export function nameOf({ name, url }: Pick<SubscriptionSetting, 'name' | 'url'>): string {
  return name ?? new URL(url).hostname;
}

/** Filters as they are sent to the broker. */
export function filtersOf({ filters, share }: SubscriptionSetting): string[] {
  return filters.map((one) =>
    share === undefined || one.startsWith('$share/') ? one : `$share/${share}/${one}`,
  );
}
