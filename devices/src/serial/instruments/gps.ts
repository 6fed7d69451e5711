import { checksumOf } from '../../framing/checksums.ts';
import { type Instrument, type OnSent, talker } from '../instrument.ts';

/** A GPS receiver that lies still: one RMC and one GGA per second of its clock. */
export function gps(everyMs: number, clock: () => number, onSent: OnSent): Instrument {
  return talker(everyMs, () => {
    const iso = new Date(clock()).toISOString();
    const time = iso.slice(11, 23);
    const [hms, date] = [time.replaceAll(':', ''), `${iso.slice(8, 10)}${iso.slice(5, 7)}${iso.slice(2, 4)}`];
    onSent({ type: 'RMC', time: `${iso.slice(0, 10)}T${time}Z`, latitude: 48.117302, longitude: 11.516673 });
    onSent({ type: 'GGA', time, latitude: 48.117302, longitude: 11.516673, satellites: 8 });
    return Buffer.concat([
      sentence(`GPRMC,${hms},A,4807.0381,N,01131.0004,E,0.06,84.40,${date},,,A`),
      sentence(`GPGGA,${hms},4807.0381,N,01131.0004,E,1,8,1.03,545.4,M,46.9,M,,`),
    ]);
  });
}

function sentence(body: string): Buffer {
  const check = checksumOf('xor', Buffer.from(body)).toString(16).padStart(2, '0').toUpperCase();
  return Buffer.from(`$${body}*${check}\r\n`);
}
