import type { FieldKind } from './fields.ts';
import * as kind from './fields.ts';

/** One field of a sentence; `unit` where it has one. */
export interface FieldSpec {
  name: string;
  kind: FieldKind;
  unit: string;
}

function field(name: string, of: FieldKind, unit = ''): FieldSpec {
  return { name, kind: of, unit };
}
const skipped = field('', kind.skip);

const latitude = field('latitude', kind.latitude, '°');
const longitude = field('longitude', kind.longitude, '°');
const time = field('time', kind.clock);
const isValid = field('valid', kind.valid);

/**
 * Fields of the sentences by type [NMEA 0183 version 4.11, section 6; public summaries: gpsd's NMEA page and the receivers'
 * manuals]. Later versions append fields, so a sentence may have more of them than are listed, and fewer.
 */
export const SENTENCES: Readonly<Record<string, readonly FieldSpec[]>> = {
  RMC: [
    time,
    isValid,
    latitude,
    longitude,
    field('speed', kind.number, 'kn'),
    field('course', kind.number, '°'),
    field('date', kind.date),
    field('magneticVariation', kind.eastWest, '°'),
    field('mode', kind.text),
  ],
  GGA: [
    time,
    latitude,
    longitude,
    field('fixQuality', kind.number),
    field('satellites', kind.number),
    field('hdop', kind.number),
    field('altitude', kind.withUnit('M'), 'm'),
    field('geoidSeparation', kind.withUnit('M'), 'm'),
    field('correctionAge', kind.number, 's'),
    field('correctionStation', kind.text),
  ],
  GLL: [latitude, longitude, time, isValid, field('mode', kind.text)],
  VTG: [
    field('course', kind.withUnit('T'), '°'),
    field('courseMagnetic', kind.withUnit('M'), '°'),
    field('speed', kind.withUnit('N'), 'kn'),
    field('speedKmh', kind.withUnit('K'), 'km/h'),
    field('mode', kind.text),
  ],
  GSA: [
    field('selection', kind.text),
    field('fix', kind.number),
    ...Array.from({ length: 12 }, () => skipped),
    field('pdop', kind.number),
    field('hdop', kind.number),
    field('vdop', kind.number),
  ],
  HDT: [field('heading', kind.withUnit('T'), '°')],
  HDM: [field('headingMagnetic', kind.withUnit('M'), '°')],
  HDG: [
    field('headingMagnetic', kind.number, '°'),
    field('magneticDeviation', kind.eastWest, '°'),
    field('magneticVariation', kind.eastWest, '°'),
  ],
  ROT: [field('rateOfTurn', kind.number, '°/min'), isValid],
  VHW: [
    field('heading', kind.withUnit('T'), '°'),
    field('headingMagnetic', kind.withUnit('M'), '°'),
    field('speedWater', kind.withUnit('N'), 'kn'),
    field('speedWaterKmh', kind.withUnit('K'), 'km/h'),
  ],
  DBT: [
    field('depthFeet', kind.withUnit('f'), 'ft'),
    field('depth', kind.withUnit('M'), 'm'),
    field('depthFathoms', kind.withUnit('F'), 'ftm'),
  ],
  DPT: [field('depth', kind.number, 'm'), field('transducerOffset', kind.number, 'm')],
  MTW: [field('waterTemperature', kind.withUnit('C'), '°C')],
  MWV: [
    field('windAngle', kind.number, '°'),
    field('windReference', kind.text),
    field('windSpeed', kind.number),
    field('windSpeedUnit', kind.text),
    isValid,
  ],
  ZDA: [
    time,
    field('day', kind.number),
    field('month', kind.number),
    field('year', kind.number),
    field('zoneHours', kind.number, 'h'),
    field('zoneMinutes', kind.number, 'min'),
  ],
};
