import { framingSchema } from '@edgelog/devices/framing/framing.ts';
import { profileFields } from '@edgelog/devices/profiles/line-profile.ts';
import { timeSetting } from '@edgelog/runtime/units.ts';
import { TOPIC_NAME } from '@edgelog/wire';
import { z } from 'zod';
import { PORT_FORMS, parsePort } from './port-spec.ts';

export const DEFAULT_BAUD = 115_200;

const portSchema = z
  .strictObject({
    port: z.string().refine((text) => parsePort(text) !== undefined, PORT_FORMS),
    /** Bits per second; these four default to what the profile says, else to 115,200 8N1. */
    baudRate: z.int().min(50).max(10_000_000).optional(),
    dataBits: z.union([z.literal(7), z.literal(8)]).optional(),
    parity: z.enum(['none', 'even', 'odd']).optional(),
    stopBits: z.union([z.literal(1), z.literal(2)]).optional(),
    flow: z.enum(['none', 'rtscts', 'xonxoff']).default('none'),
    framing: framingSchema.optional(),
    /** What speaks on the line, instead of a framing. */
    ...profileFields,
    profile: profileFields.profile.optional(),
    /** The records' key and what routes match; default the port's path. Behind it `/PORT` where a pattern may match several. */
    name: z
      .string()
      .regex(/^[^\s+#]{1,200}$/, 'expected 1 to 200 characters without spaces, + and #')
      .optional(),
    /** Kafka topic of what no route matches; default --topic. */
    topic: z
      .string()
      .regex(TOPIC_NAME, 'expected a Kafka topic name: 1 to 249 of a-z A-Z 0-9 . _ -')
      .optional(),
    /** Silence after which the port is opened anew and an alarm raised; 0 for never. */
    silenceMs: timeSetting(0, 86_400_000).default(0),
  })
  .refine(({ profile, framing }) => profile === undefined || framing === undefined, {
    path: ['framing'],
    error: 'expected framing or profile, not both: a profile knows its framing',
  })
  .refine(
    ({ profile, devices, every }) => profile !== undefined || (devices === undefined && every === undefined),
    {
      path: ['profile'],
      error: 'expected a profile where devices or every is given',
    },
  )
  .refine(({ topic, name, port }) => topic === undefined || name !== undefined || !port.startsWith('usb:'), {
    path: ['name'],
    error: 'expected a name beside topic where the port is given by its USB numbers',
  });

/** One entry of `serial`: which port, how it is set, what is on it. */
export type SerialSetting = z.output<typeof portSchema>;

/** `PATH` or `PATH@BAUD`, or the same and more as an object; errors are those of the object. */
export const serialSettingSchema = z
  .union([z.string(), z.looseObject({})], { error: 'expected PATH, PATH@BAUD, or an object with port' })
  .transform((given, context): SerialSetting => {
    const { success, data, error } = portSchema.safeParse(
      typeof given === 'string' ? fromText(given) : given,
    );
    if (success) return data;
    const issues =
      typeof given === 'string'
        ? [{ path: [], message: 'expected PATH or PATH@BAUD, e.g. /dev/ttyUSB0@9600' }]
        : error.issues;
    for (const { path, message } of issues) context.addIssue({ code: 'custom', path, message });
    return z.NEVER;
  });

function fromText(text: string): unknown {
  const at = text.lastIndexOf('@');
  if (at < 0) return { port: text };
  const baud = text.slice(at + 1);
  return { port: text.slice(0, at), baudRate: /^\d{2,8}$/.test(baud) ? Number(baud) : baud };
}
