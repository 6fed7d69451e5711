import { framedProtocol } from '@edgelog/devices/framing/framed-protocol.ts';
import { LINE_FRAMING } from '@edgelog/devices/framing/framing.ts';
import type { LineProtocol } from '@edgelog/devices/profiles/decoder.ts';
import { DEFAULT_BAUD, type SerialSetting } from './setting.ts';

/** What is spoken on a line: frames of bytes, by lines of text where nothing else is set. */
export function protocolOf(
  setting: SerialSetting,
  maxFrameBytes: number,
  overlong: (bytes: number) => void,
): LineProtocol {
  return framedProtocol({
    line: { baudRate: DEFAULT_BAUD, dataBits: 8, parity: 'none', stopBits: 1 },
    framing: setting.framing ?? LINE_FRAMING,
    maxFrameBytes,
    overlong,
  });
}
