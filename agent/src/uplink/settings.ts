import { EdgelogError } from '@edgelog/base';
import { sizeSetting } from '@edgelog/runtime/units.ts';
import { UploadWindows } from '@edgelog/sync';
import { z } from 'zod';
import { checkProxy } from './proxy.ts';

const GIB = 2 ** 30;
const file = () => z.string().min(1).optional();

/** What `check` throws is what is wrong with the setting. */
function checked<T extends z.ZodType>(schema: T, check: (value: z.output<T>) => void): T {
  return schema.superRefine((value, context) => {
    try {
      check(value);
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  });
}

const windows = checked(z.string(), (text) => void new UploadWindows([text]));
const zone = checked(z.string(), (text) => void new UploadWindows([], text));

/** Settings of the uplink, beside the URLs of the hub. */
export const uplinkFields = {
  uplinkMaxBytesPerSecond: sizeSetting(0, GIB)
    .default(0)
    .describe('cap on what is sent to the hub, bytes of sealed batches a second; 0 for none'),
  uplinkWindows: z
    .array(windows)
    .default([])
    .describe('when data is sent, e.g. "Mon-Fri 22:00-06:00", several allowed; default always'),
  uplinkZone: zone
    .optional()
    .describe("time zone of --uplink-windows, e.g. Europe/Berlin; default the system's"),
  uplinkUrgentPriority: z
    .number()
    .int()
    .default(10)
    .describe('outside the windows topics of this priority and above are sent all the same'),
  uplinkProxy: checked(z.string(), checkProxy)
    .optional()
    .describe(
      'HTTP proxy, http://[USER:PASSWORD@]HOST:PORT, or none; default HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY of the environment',
    ),
  hubCa: file().describe(
    "PEM file of who signs the hub's certificate, for wss://; default the system's authorities",
  ),
  hubCert: file().describe(
    "PEM file of this gateway's certificate; taken anew with each connection, like its key",
  ),
  hubKey: file().describe('PEM file of its private key'),
  setAsideBytes: sizeSetting(0, GIB)
    .default(64 * 2 ** 20)
    .describe(
      'room for batches that the hub refuses for good, in DATA_DIR/set-aside; without room their streams stand still',
    ),
};
