import { asciiListener } from '../protocols/ascii/ascii.ts';
import { Iec62056Meter } from '../protocols/iec62056/meter.ts';
import { MbusMaster } from '../protocols/mbus/master.ts';
import { ModbusMaster } from '../protocols/modbus/master.ts';
import { nmeaListener } from '../protocols/nmea/nmea.ts';
import { P1Listener } from '../protocols/p1/p1.ts';
import type { PolledDevice } from '../protocols/poll-schedule.ts';
import type { LineProtocol } from './decoder.ts';
import type { Profile } from './schema.ts';

export interface ProtocolOptions {
  /** Instruments on the line that are asked; without any: the one at the profile's address. */
  devices?: readonly PolledDevice[];
  /** How often each is asked; without it: as the profile says. */
  everyMs?: number;
}

/** The conversation that a profile describes. */
export function createProtocol(profile: Profile, options: ProtocolOptions = {}): LineProtocol {
  const common = { profile: profile.name, line: profile.line };
  switch (profile.protocol) {
    case 'modbus-rtu':
      return new ModbusMaster({
        ...common,
        ...polling(profile, options),
        maxRegisters: profile.maxRegisters,
        maxGap: profile.maxGap,
        registers: profile.registers.map(({ bits, wordOrder = profile.wordOrder, ...register }) => ({
          ...register,
          wordOrder,
          bits: bits && new Map(Object.entries(bits)),
        })),
      });
    case 'm-bus':
      return new MbusMaster({
        ...common,
        ...polling(profile, options),
        values: profile.values.map(({ recordUnit, ...entry }) => ({
          ...entry,
          recordUnit: recordUnit ?? entry.unit,
        })),
      });
    case 'iec-62056-21':
      return new Iec62056Meter({
        ...common,
        ...polling(profile, options),
        maxBaud: profile.maxBaud,
        values: profile.values,
      });
    case 'dsmr-p1':
      return new P1Listener({
        ...common,
        hasCrc: profile.crc === 'required',
        values: profile.values,
        subMeters: profile.subMeters,
      });
    case 'nmea-0183':
      return nmeaListener({
        ...common,
        sentences: profile.sentences,
        isChecksumOptional: profile.checksum === 'optional',
      });
    case 'ascii': {
      const { format, fields, maxBytes, ignore } = profile;
      return asciiListener({ ...common, format, fields, maxBytes, ignore });
    }
  }
}

interface Polled {
  address: number | string;
  every: number;
  timeout: number;
  retries: number;
}

function polling(
  { address, every, timeout, retries }: Polled,
  { devices = [], everyMs = every }: ProtocolOptions,
) {
  return {
    devices: devices.length > 0 ? devices : [{ name: '', address: String(address) }],
    everyMs,
    timeoutMs: timeout,
    retries,
  };
}
