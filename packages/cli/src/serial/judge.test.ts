import { readFileSync } from 'node:fs';
import { checksumOf } from '@edgelog/devices/framing/checksums.ts';
import { PROFILES_DIRECTORY } from '@edgelog/devices/profiles/load.ts';
import { describe, expect, test } from 'vitest';
import type { Guess } from './judge.ts';
import { BAUD_RATES, probe } from './probe.ts';
import { lineName } from './sample.ts';
import { receive, transmit, type Uart } from './testing/uart.ts';

interface Burst {
  atMs: number;
  bytes: Buffer;
}

/** So many bursts, evenly spaced. */
function every(ms: number, count: number, text: (index: number) => Buffer | string): Burst[] {
  return Array.from({ length: count }, (_, i) => ({ atMs: i * ms, bytes: Buffer.from(text(i)) }));
}

/** What the probe finds on a wire on which `sender` sends the bursts; each listening hears all of them. */
async function probed(bursts: readonly Burst[], sender: Uart): Promise<{ best: Guess; tried: string[] }> {
  const levels = transmit(bursts, sender);
  const tried: string[] = [];
  const guesses = await probe({
    baudRates: BAUD_RATES,
    listenMs: 1000,
    signal: new AbortController().signal,
    onTry: (line) => tried.push(lineName(line)),
    onGuess: () => {},
    listen: async (line, listenedMs) => ({ line, listenedMs, chunks: receive(levels, line) }),
  });
  return { best: guesses[0]!, tried };
}

function nmea(body: string): string {
  return `$${body}*${checksumOf('xor', Buffer.from(body)).toString(16).toUpperCase().padStart(2, '0')}\r\n`;
}

function modbus(bytes: readonly number[]): Buffer {
  const frame = Buffer.from([...bytes, 0, 0]);
  frame.writeUInt16LE(checksumOf('crc16-modbus', Buffer.from(bytes)), bytes.length);
  return frame;
}

const N81 = { dataBits: 8, parity: 'none', stopBits: 1 } as const;
const weight = (i: number) =>
  `W,+${(12.34 + i).toFixed(2).padStart(7, '0')},kg,S,${String(i).padStart(6, '0')}\r\n`;

test('a UART hears what another at the same settings sends', () => {
  for (const uart of [
    { baudRate: 9600, ...N81 },
    { baudRate: 300, dataBits: 7, parity: 'even', stopBits: 1 },
    { baudRate: 2400, dataBits: 8, parity: 'odd', stopBits: 2 },
  ] as const) {
    const text = Buffer.from('The quick brown fox 0123456789\r\n');
    const heard = receive(transmit([{ atMs: 5, bytes: text }], uart), uart);
    expect(Buffer.concat(heard.map(({ bytes }) => bytes)).toString()).toBe(text.toString());
  }
});

describe.each([1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400])(
  'sent at %i',
  (baudRate) => {
    const uart = { baudRate, ...N81 };

    test('lines of text are found at their speed, though other speeds are tried first', async () => {
      const { best } = await probed(every(300, 10, weight), uart);
      expect(lineName(best.line)).toBe(`${baudRate} 8N1`);
      expect(best).toMatchObject({ what: 'lines of text that end with "\\r\\n"', setting: {} });
      expect(best.score).toBeGreaterThan(0.8);
    });

    test('lines of numbers alone are found at their speed', async () => {
      const { best } = await probed(
        every(500, 12, (i) => `${(20 + i / 10).toFixed(1)} ${980 + i}\n`),
        uart,
      );
      expect(lineName(best.line)).toBe(`${baudRate} 8N1`);
    });

    test('Modbus frames of another master are recognised by their checksums', async () => {
      const bursts = every(200, 10, (i) =>
        i % 2 === 0 ? modbus([1, 3, 0, 0, 0, 2]) : modbus([1, 3, 4, 0x09, 0x29, 0x01, i]),
      );
      const { best } = await probed(bursts, uart);
      expect(lineName(best.line)).toBe(`${baudRate} 8N1`);
      expect(best.what).toMatch(/^Modbus RTU/);
    });
  },
);

test('NMEA sentences are proved by their checksums, and listening ends there', async () => {
  const bursts = every(1000, 5, (i) => nmea(`GPVTG,054.7,T,034.4,M,005.${i},N,010.2,K`));
  const { best, tried } = await probed(bursts, { baudRate: 4800, ...N81 });
  expect(best).toMatchObject({ what: 'NMEA 0183 sentences', setting: { profile: 'nmea-gps' } });
  expect(tried.at(-1)).toBe('4800 8N1');
});

test('seven bits with even parity are recognised in what eight bits without parity hear', async () => {
  const uart = { baudRate: 300, dataBits: 7, parity: 'even', stopBits: 1 } as const;
  const { best } = await probed(every(5000, 4, weight), uart);
  expect(lineName(best.line)).toBe('300 7E1');
});

test('Modbus at 19200 8E1, as its standard has it, is found', async () => {
  const uart = { baudRate: 19_200, dataBits: 8, parity: 'even', stopBits: 1 } as const;
  const bursts = every(100, 20, (i) => modbus([7, 4, 2, i, 0x11 * i]));
  const { best } = await probed(bursts, uart);
  expect(lineName(best.line)).toBe('19200 8E1');
});

test('a smart meter before DSMR 4, at 9600 7E1 and without CRC, is one, and not lines of text', async () => {
  const capture = readFileSync(`${PROFILES_DIRECTORY}/dsmr-p1-v2.capture`, 'utf8');
  const parts = [...capture.matchAll(/^\d+ < (".*")$/gm)].map((match) => JSON.parse(match[1]!) as string);
  const { best } = await probed(
    every(2000, 1, () => parts.slice(0, 2).join('')),
    {
      baudRate: 9600,
      dataBits: 7,
      parity: 'even',
      stopBits: 1,
    },
  );
  expect(lineName(best.line)).toBe('9600 7E1');
  expect(best.setting).toEqual({ profile: 'dsmr-p1-v2' });
});

test('the capture of a smart meter is a P1 port', async () => {
  const capture = readFileSync(`${PROFILES_DIRECTORY}/dsmr-p1.capture`, 'utf8');
  const parts = [...capture.matchAll(/^\d+ < (".*")$/gm)].map((match) => JSON.parse(match[1]!) as string);
  const { best } = await probed([{ atMs: 0, bytes: Buffer.from(parts.join(''), 'latin1') }], {
    baudRate: 115_200,
    ...N81,
  });
  expect(best).toMatchObject({ what: 'DSMR P1 telegrams of a smart meter', setting: { profile: 'dsmr-p1' } });
});

test('noise is no protocol, whatever the speed', async () => {
  let state = 1;
  const noise = Buffer.from(
    Array.from({ length: 2000 }, () => {
      state = (state * 48_271) % 2_147_483_647;
      return state & 0xff;
    }),
  );
  const { best } = await probed([{ atMs: 0, bytes: noise }], { baudRate: 9600, ...N81 });
  expect(best.score).toBeLessThan(0.3);
});

test('a silent line is listened to at all speeds, since a slow sender is silence to a fast port', async () => {
  const { best, tried } = await probed([], { baudRate: 9600, ...N81 });
  expect(best).toMatchObject({ score: 0, what: 'silence' });
  expect(tried).toContain('300 8N1');
});
