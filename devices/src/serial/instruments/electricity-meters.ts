import { checksumOf } from '../../framing/checksums.ts';
import type { Random } from '../../random.ts';
import { EnergySignal } from '../../signals/energy.ts';
import { type Instrument, type InstrumentIo, type OnSent, talker } from '../instrument.ts';

/** `000123.456` */
function padded(value: number, whole: number, decimals: number): string {
  return value.toFixed(decimals).padStart(whole + 1 + decimals, '0');
}

/** A meter with a P1 port [DSMR P1 companion standard 5.0.2], which sends a telegram at an even rhythm. */
export function p1Meter(everyMs: number, random: Random, clock: () => number, onSent: OnSent): Instrument {
  const energy = new EnergySignal(random);
  return talker(everyMs, () => {
    const { energy_kwh, power_w } = energy.sample(clock());
    const kilowatts = Math.round(Number(power_w)) / 1_000;
    const lines = [
      '/EDG5\\2SIMULATED-0001',
      '',
      '1-3:0.2.8(50)',
      `1-0:1.8.1(${padded(Number(energy_kwh), 6, 3)}*kWh)`,
      '0-0:96.14.0(0001)',
      `1-0:1.7.0(${padded(kilowatts, 2, 3)}*kW)`,
      '1-0:32.7.0(230.1*V)',
      '0-1:24.1.0(003)',
      '0-1:24.2.1(251026020000W)(01234.567*m3)',
      '!',
    ];
    const body = Buffer.from(lines.join('\r\n'));
    const crc = checksumOf('crc16-arc', body).toString(16).padStart(4, '0').toUpperCase();
    onSent({ importTariff1: Number(energy_kwh), importPower: kilowatts, gas: 1_234.567 });
    return Buffer.concat([body, Buffer.from(`${crc}\r\n`)]);
  });
}

const ACK = '\x06';
const REACTION_MS = 20;

/** A meter that is read out in mode C [IEC 62056-21, 6.3 and 6.4.3]; a pseudo-terminal has no speed, so it changes none. */
export function iecMeter(random: Random, clock: () => number, onSent: OnSent): Instrument {
  const energy = new EnergySignal(random);
  let received = '';
  let io: InstrumentIo | undefined;
  const answer = (make: () => Buffer) => void io?.timers.after(REACTION_MS, () => io?.write(make()));
  return {
    start(given) {
      io = given;
      received = '';
    },
    stop() {
      io = undefined;
    },
    bytes(chunk) {
      received = (received + chunk.toString('latin1')).slice(-64);
      if (received.endsWith('/?!\r\n')) answer(() => Buffer.from('/EDG5SIMULATED\r\n'));
      else if (received.at(-6) === ACK && received.endsWith('\r\n')) answer(readOut);
      else return;
      received = '';
    },
  };

  function readOut(): Buffer {
    const { energy_kwh, power_w } = energy.sample(clock());
    const kilowatts = Math.round(Number(power_w)) / 1_000;
    const lines = [
      '0.0.0(12345678)',
      'F.F(00)',
      `1.8.0(${padded(Number(energy_kwh), 6, 3)}*kWh)`,
      `1.7.0(${padded(kilowatts, 2, 3)}*kW)`,
      '!',
      '',
    ];
    const block = Buffer.from(`${lines.join('\r\n')}\x03`, 'latin1');
    onSent({ meterNumber: '12345678', importEnergy: Number(energy_kwh), importPower: kilowatts });
    return Buffer.concat([Buffer.of(0x02), block, Buffer.of(checksumOf('xor', block))]);
  }
}
