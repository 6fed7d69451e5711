import type { Random } from '../random.ts';
import type { Instrument, OnSent } from './instrument.ts';
import { thermometers, xyMd02 } from './instruments/climate-sensors.ts';
import { iecMeter, p1Meter } from './instruments/electricity-meters.ts';
import { gps } from './instruments/gps.ts';
import { heatMeter } from './instruments/heat-meter.ts';

export interface InstrumentOptions {
  random: Random;
  /** Wall clock, ms since the Unix epoch. */
  clock: () => number;
  /** Of an instrument that speaks by itself. */
  everyMs: number;
  onSent: OnSent;
}

interface Simulated {
  /** The profile that reads it. */
  profile: string;
  summary: string;
  create(options: InstrumentOptions): Instrument;
}

/** Instruments that can stand at the other end of a pseudo-terminal, by name. */
export const INSTRUMENTS = {
  'xy-md02': {
    profile: 'xy-md02',
    summary: 'temperature and humidity, Modbus slave 1',
    create: ({ random, clock, onSent }) => xyMd02(random, clock, onSent),
  },
  ds18b20: {
    profile: 'ds18b20-ascii',
    summary: 'three thermometers, lines of text',
    create: ({ everyMs, random, clock, onSent }) => thermometers(everyMs, random, clock, onSent),
  },
  gps: {
    profile: 'nmea-gps',
    summary: 'NMEA 0183 talker',
    create: ({ everyMs, clock, onSent }) => gps(everyMs, clock, onSent),
  },
  p1: {
    profile: 'dsmr-p1',
    summary: 'smart meter, DSMR 5 telegrams',
    create: ({ everyMs, random, clock, onSent }) => p1Meter(everyMs, random, clock, onSent),
  },
  'heat-meter': {
    profile: 'mbus-heat-meter',
    summary: 'wired M-Bus, address 1',
    create: ({ random, clock, onSent }) => heatMeter(random, clock, onSent),
  },
  iec62056: {
    profile: 'iec62056-meter',
    summary: 'electricity meter, IEC 62056-21 mode C',
    create: ({ random, clock, onSent }) => iecMeter(random, clock, onSent),
  },
} as const satisfies Readonly<Record<string, Simulated>>;

export type InstrumentName = keyof typeof INSTRUMENTS;
export const INSTRUMENT_NAMES = Object.keys(INSTRUMENTS) as [InstrumentName, ...InstrumentName[]];
