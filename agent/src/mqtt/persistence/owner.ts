import { z } from 'zod';

export const ownerSchema = z.object({
  user: z.string(),
  /** Has shown a certificate: he need not be in the users file. Left out: this was not written down. */
  byCertificate: z.boolean().optional(),
});

/** Whose a session or a last will is. */
export type Owner = z.output<typeof ownerSchema>;
