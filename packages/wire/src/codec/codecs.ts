import { assert, EdgelogError } from '@edgelog/base';
import { layoutOf } from '../schema/layout.ts';
import type { Message } from '../schema/message.ts';
import { Fault } from './fault.ts';
import type { FrameWriter } from './frame-writer.ts';
import { interpretDecoder } from './interpret-decoder.ts';
import { interpretEncoder } from './interpret-encoder.ts';

/** Reads a message that begins at `at` and ends with `bytes`. Throws Fault. */
export type Decoder = (bytes: Buffer, at: number) => unknown;
/** Adds a message to the frame. Throws Fault. */
export type Encoder = (writer: FrameWriter, value: unknown) => void;

/** Codecs of one message, by version, made when first used. */
interface Codecs {
  readonly decoders: (Decoder | undefined)[];
  readonly encoders: (Encoder | undefined)[];
}

const codecs = new WeakMap<Message, Codecs>();

function codecsOf(message: Message): Codecs {
  const known = codecs.get(message);
  if (known) return known;
  const made: Codecs = { decoders: [], encoders: [] };
  codecs.set(message, made);
  return made;
}

/** Throws EdgelogError CORRUPT_FRAME. */
export function decodeWith(message: Message, version: number, bytes: Buffer, at: number): unknown {
  const { decoders } = codecsOf(message);
  decoders[version] ??= interpretDecoder(layoutOf(message, version));
  const decode = decoders[version];
  try {
    return decode(bytes, at);
  } catch (error) {
    throw explain(error, message, version);
  }
}

/** Throws EdgelogError UNSUPPORTED_VERSION when the version cannot carry the value. */
export function encodeWith(message: Message, version: number, writer: FrameWriter, value: unknown): void {
  const { encoders } = codecsOf(message);
  encoders[version] ??= interpretEncoder(layoutOf(message, version));
  const encode = encoders[version];
  try {
    encode(writer, value);
  } catch (error) {
    throw explain(error, message, version);
  }
}

function explain(error: unknown, message: Message, version: number): unknown {
  if (!(error instanceof Fault)) return error;
  const where = `${message.name} v${version}${error.path === '' ? '' : `: ${error.path.slice(1)}`}`;
  if (error.kind === 'corrupt') {
    return new EdgelogError('CORRUPT_FRAME', `${where} at byte ${error.at}: ${error.reason}`, {
      cause: error,
    });
  }
  assert(error.kind === 'version', `${where}: ${error.reason}`);
  return new EdgelogError('UNSUPPORTED_VERSION', `${where}: ${error.reason}`, { cause: error });
}
