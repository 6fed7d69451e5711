import { EdgelogError } from '@edgelog/base';
import type { RawData } from 'ws';
import { decodeFrame } from './codec.ts';
import { type AgentFrame, FRAME_TYPE, type Frame, type HubFrame } from './types.ts';

const isHubFrame = (frame: Frame): frame is HubFrame => FRAME_TYPE[frame.type] >= FRAME_TYPE.welcome;

/** The frame in a WebSocket message that came from a hub. Throws CORRUPT_FRAME. */
export function frameFromHub(data: RawData, isBinary: boolean): HubFrame {
  const frame = frameIn(data, isBinary);
  if (isHubFrame(frame)) return frame;
  throw new EdgelogError('CORRUPT_FRAME', `${frame.type} frame from a hub`);
}

/** The frame in a WebSocket message that came from an agent. Throws CORRUPT_FRAME. */
export function frameFromAgent(data: RawData, isBinary: boolean): AgentFrame {
  const frame = frameIn(data, isBinary);
  if (!isHubFrame(frame)) return frame;
  throw new EdgelogError('CORRUPT_FRAME', `${frame.type} frame from an agent`);
}

function frameIn(data: RawData, isBinary: boolean): Frame {
  if (!isBinary || !Buffer.isBuffer(data)) throw new EdgelogError('CORRUPT_FRAME', 'a text message');
  return decodeFrame(data);
}
