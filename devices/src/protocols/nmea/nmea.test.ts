import { expect, test } from 'vitest';
import { checksumOf } from '../../framing/checksums.ts';
import { decimalText } from '../decimal.ts';
import { LINE_9600, TestLine } from '../testing.ts';
import { degreesOf } from './fields.ts';
import { nmeaListener } from './nmea.ts';

function sentence(body: string, start = '$'): string {
  const sum = checksumOf('xor', Buffer.from(body)).toString(16).padStart(2, '0').toUpperCase();
  return `${start}${body}*${sum}\r\n`;
}

function listen(text: string, isChecksumOptional = false): TestLine {
  const line = new TestLine(
    nmeaListener({ profile: 'test', line: LINE_9600, sentences: [], isChecksumOptional }),
  );
  line.after(0, Buffer.from(text, 'latin1'));
  return line.run(1);
}

test.each([
  ['HEHDT,274.07,T', { type: 'HDT', talker: 'HE', heading: 274.07 }],
  [
    'GPGLL,4916.45,N,12311.12,W,225444,A',
    { type: 'GLL', talker: 'GP', latitude: 49.2742, longitude: -123.1853, time: '22:54:44', valid: true },
  ],
  [
    'GPZDA,201530.00,04,07,2002,00,00',
    { type: 'ZDA', talker: 'GP', time: '2002-07-04T20:15:30.00Z', zoneHours: 0, zoneMinutes: 0 },
  ],
  [
    'GPRMC,081836,V,,,,,,,130998,011.3,E',
    { type: 'RMC', talker: 'GP', time: '1998-09-13T08:18:36Z', valid: false, magneticVariation: 11.3 },
  ],
  [
    'YXXDR,C,22.5,C,ENV_T,P,1.013,B,BARO',
    {
      type: 'XDR',
      talker: 'YX',
      transducers: {
        ENV_T: { kind: 'C', value: 22.5, unit: 'C' },
        BARO: { kind: 'P', value: 1.013, unit: 'B' },
      },
    },
  ],
  [
    'PGRME,15.0,M,45.0,M,25.0,M',
    { type: 'GRME', talker: 'P', fields: ['15.0', 'M', '45.0', 'M', '25.0', 'M'] },
  ],
])('%s', (body, expected) => {
  const line = listen(sentence(body));
  expect(line.faults).toEqual([]);
  expect(line.values).toEqual([expected]);
});

test('degrees are as exact as the minutes they come from', () => {
  for (const [text, expected] of [
    ['4807.038', '48.11730'],
    ['00000.0000', '0.000000'],
    ['17959.9999', '179.999998'],
  ] as const)
    expect(decimalText(degreesOf(text)!)).toBe(expected);
  for (const text of ['4860.0', '18100.0', 'N', '48.07']) expect(degreesOf(text)).toBeUndefined();
});

test('a message in parts is one reading; a part that is missing costs the message', () => {
  const [one, two] = [
    sentence('AIVDM,2,1,3,B,55P5TL01VIaAL,0', '!'),
    sentence('AIVDM,2,2,3,B,1@0000000000000,2', '!'),
  ];
  const line = listen(one + two + two + one + one + two);
  expect(line.values).toEqual([
    { type: 'VDM', talker: 'AI', channel: 'B', payload: '55P5TL01VIaAL1@0000000000000', fillBits: 2 },
    { type: 'VDM', talker: 'AI', channel: 'B', payload: '55P5TL01VIaAL1@0000000000000', fillBits: 2 },
  ]);
  expect(line.faults).toEqual(['framing', 'framing']);
});

test('a sentence without checksum is taken only where the profile allows it', () => {
  expect(listen('$HEHDT,274.07,T\r\n').faults).toEqual(['checksum']);
  expect(listen('$HEHDT,274.07,T\r\n', true).values).toHaveLength(1);
  expect(listen('$HEHDT,274.07,T*00\r\n', true).faults).toEqual(['checksum']);
});

test('an intact sentence that does not hold what its type says is a fault', () => {
  expect(listen(sentence('HEHDT,warm,T')).faults).toEqual(['content']);
  expect(listen(sentence('HEHDT,274.07,M')).faults).toEqual(['content']);
});

test('sentences that the profile leaves out are no unreadable line: they were understood', () => {
  const sentences = ['ALR'];
  const line = new TestLine(
    nmeaListener({ profile: 'test', line: LINE_9600, sentences, isChecksumOptional: false }),
  );
  line.after(0, Buffer.from(`${sentence('HEHDT,274.07,T')}${sentence('HEHDT,274.08,T')}$HEHDT,1,T*00\r\n`));
  line.run(1);
  expect([line.leftOut, line.readings.length, line.faults]).toEqual([2, 0, ['checksum']]);
});
