import type { Random } from '../../random.ts';
import { HumiditySignal } from '../../signals/humidity.ts';
import { type Instrument, type OnSent, talker } from '../instrument.ts';
import { ModbusSlave } from './modbus-slave.ts';

/** An XY-MD02 at Modbus address 1: input registers 1 and 2, tenths of a degree and of a percent. */
export function xyMd02(random: Random, clock: () => number, onSent: OnSent): Instrument {
  const air = new HumiditySignal(random);
  const registers = [0, 0];
  return new ModbusSlave({
    address: 1,
    register: (table, address) => (table === 'input' ? registers[address - 1] : undefined),
    onRequest() {
      const { value, air: celsius } = air.sample(clock());
      registers[0] = Math.round(Number(celsius) * 10) & 0xffff;
      registers[1] = Math.round(Number(value) * 10);
      onSent({ temperature: Math.round(Number(celsius) * 10) / 10, humidity: registers[1] / 10 });
    },
  });
}

/** Three DS18B20 behind a bridge that sends a line for one after the other. */
export function thermometers(
  everyMs: number,
  random: Random,
  clock: () => number,
  onSent: OnSent,
): Instrument {
  const air = new HumiditySignal(random);
  let turn = 0;
  return talker(everyMs, () => {
    // Sixteenths of a degree, told in thousandths as Linux does.
    const thousandths = Math.floor((Math.round(Number(air.sample(clock()).air) * 16) * 1_000) / 16);
    turn = (turn + 1) % 3;
    onSent({ temperature: thousandths / 1_000 });
    return Buffer.from(`28-0316a2794c0${turn} t=${thousandths}\r\n`);
  });
}
