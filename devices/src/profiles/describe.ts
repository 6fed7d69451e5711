import { characterFormat } from './line-text.ts';
import type { Profile } from './schema.ts';

/** One value a profile gives. */
export interface DescribedValue {
  name: string;
  unit: string;
  /** Where the instrument has it. */
  from: string;
}

/** What a profile gives; `values` is empty where the instrument names them itself. */
export interface DescribedProfile {
  name: string;
  title: string;
  source: string;
  protocol: Profile['protocol'];
  /** `9600 8N1` */
  line: string;
  /** How often it is asked, ms; undefined for one that speaks by itself. */
  everyMs: number | undefined;
  values: readonly DescribedValue[];
}

export function describeProfile(profile: Profile): DescribedProfile {
  const { name, title, source, protocol } = profile;
  return {
    name,
    title,
    source,
    protocol,
    line: characterFormat(profile.line),
    everyMs: 'every' in profile ? profile.every : undefined,
    values: valuesOf(profile),
  };
}

function valuesOf(profile: Profile): DescribedValue[] {
  switch (profile.protocol) {
    case 'modbus-rtu':
      return profile.registers.map(({ name, unit, table, address, type }) => ({
        name,
        unit,
        from: `${table} 0x${address.toString(16).padStart(4, '0')} ${type}`,
      }));
    case 'dsmr-p1':
      return [
        ...profile.values.map(({ name, unit, obis }) => ({ name, unit, from: obis })),
        ...profile.subMeters.flatMap(({ name, unit, deviceType }) => [
          { name, unit, from: `sub-meter of type ${deviceType}` },
          { name: `${name}Time`, unit: '', from: `sub-meter of type ${deviceType}` },
        ]),
      ];
    case 'iec-62056-21':
      return profile.values.map(({ name, unit, obis }) => ({ name, unit, from: obis }));
    case 'm-bus':
      return profile.values.map(({ name, unit, record }) => ({ name, unit, from: record }));
    case 'nmea-0183':
      return profile.sentences.map((type) => ({ name: type, unit: '', from: `sentence ${type}` }));
    case 'ascii':
      return profile.fields.map(({ name, unit }) => ({ name, unit, from: profile.format.kind }));
  }
}
