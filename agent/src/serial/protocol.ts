import { framedProtocol } from '@edgelog/devices/framing/framed-protocol.ts';
import { LINE_FRAMING } from '@edgelog/devices/framing/framing.ts';
import type { LineProtocol } from '@edgelog/devices/profiles/decoder.ts';
import { openProfile } from '@edgelog/devices/profiles/line-profile.ts';
import { DEFAULT_BAUD, type SerialSetting } from './setting.ts';

/**
 * What is spoken on a line: as the profile says, or frames of bytes, by lines of text where nothing else is set. Throws
 * CONFIG_INVALID for a profile that is not there or not valid.
 */
export function protocolOf(
  setting: SerialSetting,
  maxFrameBytes: number,
  overlong: (bytes: number) => void,
): LineProtocol {
  const { profile, devices, every, framing = LINE_FRAMING } = setting;
  if (profile !== undefined) {
    return openProfile({
      profile,
      ...(devices === undefined ? {} : { devices }),
      ...(every === undefined ? {} : { every }),
    });
  }
  return framedProtocol({
    line: { baudRate: DEFAULT_BAUD, dataBits: 8, parity: 'none', stopBits: 1 },
    framing,
    maxFrameBytes,
    overlong,
  });
}
