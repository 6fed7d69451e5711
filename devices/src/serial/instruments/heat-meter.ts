import { longFrame, REQ_UD2, SND_NKE, shortFrame } from '../../protocols/mbus/frame.ts';
import type { Random } from '../../random.ts';
import { EnergySignal } from '../../signals/energy.ts';
import type { Instrument, InstrumentIo, OnSent } from '../instrument.ts';

const ADDRESS = 1;
const SHORT_BYTES = 5;
const FRAME_COUNT_BITS = 0x30;
const REACTION_MS = 15;
/** Identification 12345678, maker EDG, version 1, heat. */
const HEADER = Buffer.from('78563412871401042a000000', 'hex');

/** A heat meter at address 1 of a wired M-Bus [EN 13757-2, EN 13757-3]. */
export function heatMeter(random: Random, clock: () => number, onSent: OnSent): Instrument {
  const energy = new EnergySignal(random);
  let received: Buffer = Buffer.alloc(0);
  let io: InstrumentIo | undefined;
  const send = (bytes: Buffer) => void io?.timers.after(REACTION_MS, () => io?.write(bytes));
  return {
    start(given) {
      io = given;
      received = Buffer.alloc(0);
    },
    stop() {
      io = undefined;
    },
    bytes(chunk) {
      received = Buffer.concat([received, chunk]).subarray(-64);
      for (; received.length >= SHORT_BYTES; received = received.subarray(1)) {
        const control = received[1]!;
        if (!received.subarray(0, SHORT_BYTES).equals(shortFrame(control, ADDRESS))) continue;
        received = received.subarray(SHORT_BYTES - 1);
        if (control === SND_NKE) send(Buffer.of(0xe5));
        else if ((control & ~FRAME_COUNT_BITS) === (REQ_UD2 & ~FRAME_COUNT_BITS)) send(telegram());
      }
    },
  };

  /** Energy in Wh, power in W, flow temperature in hundredths of a degree; the volume as 8 digits. */
  function telegram(): Buffer {
    const { energy_kwh, power_w } = energy.sample(clock());
    const wattHours = Math.round(Number(energy_kwh) * 1_000);
    const watts = Math.round(Number(power_w));
    onSent({ meter: '12345678', energy: wattHours / 1_000, power: watts, volume: 4_567.89 });
    const records = Buffer.alloc(12);
    records.set([0x04, 0x03], 0);
    records.writeUInt32LE(wattHours, 2);
    records.set([0x04, 0x2b], 6);
    records.writeUInt32LE(watts, 8);
    const volume = Buffer.from('0c1489674500', 'hex');
    const rest = Buffer.from('0a3b78120a5a78060a5e210402615901046d230e7a3a', 'hex');
    return longFrame(Buffer.concat([Buffer.of(0x08, ADDRESS, 0x72), HEADER, records, volume, rest]));
  }
}
