import { EdgelogError } from '@edgelog/base';
import { z } from 'zod';
import type { LineProtocol } from './decoder.ts';
import { loadProfile } from './load.ts';
import { createProtocol } from './protocol.ts';
import type { Profile } from './schema.ts';
import { duration } from './schema-parts.ts';

/** What the entry of a serial port says of the instruments on it. */
export const profileFields = {
  profile: z.string().min(1).describe('Device profile: a name of edgelog devices profiles, or a YAML file.'),
  devices: z
    .record(
      z.string().regex(/^[\w.-]{1,64}$/, 'must be a name of letters, digits, . _ -'),
      z.union([z.number().int(), z.string()]),
    )
    .optional()
    .describe(
      'Instruments on the line by name, with their addresses; one at the default address if left out.',
    ),
  every: duration.optional().describe('How often each instrument is asked, e.g. 10s.'),
};
const profileSettings = z.object(profileFields);
export type ProfileSettings = z.output<typeof profileSettings>;

/** Opens the conversation that a port's entry asks for. Throws CONFIG_INVALID naming the profile, or the address that is none. */
export function openProfile({ profile: name, devices = {}, every }: ProfileSettings): LineProtocol {
  const profile = loadProfile(name);
  const polled = Object.entries(devices).map(([device, address]) => ({
    name: device,
    address: checkedAddress(profile, device, String(address)),
  }));
  return createProtocol(profile, { devices: polled, ...(every === undefined ? {} : { everyMs: every }) });
}

const ADDRESSES: Readonly<
  Partial<Record<Profile['protocol'], { isValid(address: string): boolean; allowed: string }>>
> = {
  'modbus-rtu': { isValid: (address) => isWithin(address, 1, 247), allowed: '1 to 247' },
  'm-bus': {
    isValid: (address) => /^\d{8}$/.test(address) || isWithin(address, 0, 250),
    allowed: '0 to 250, or eight digits in quotes',
  },
  'iec-62056-21': {
    isValid: (address) => /^[0-9A-Za-z ]{0,32}$/.test(address),
    allowed: 'up to 32 letters and digits',
  },
};

function isWithin(text: string, from: number, to: number): boolean {
  return /^\d{1,3}$/.test(text) && Number(text) >= from && Number(text) <= to;
}

function checkedAddress({ name, protocol }: Profile, device: string, address: string): string {
  const rule = ADDRESSES[protocol];
  if (rule === undefined) {
    throw new EdgelogError('CONFIG_INVALID', `profile ${name} only listens: devices cannot be given for it`);
  }
  if (rule.isValid(address)) return address;
  throw new EdgelogError(
    'CONFIG_INVALID',
    `device ${device}: address ${JSON.stringify(address)} must be ${rule.allowed}`,
  );
}
