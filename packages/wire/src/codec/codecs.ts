import { assert, EdgelogError } from '@edgelog/base';
import { layoutOf } from '../schema/layout.ts';
import type { Message } from '../schema/message.ts';
import { compileDecoder } from './compile-decoder.ts';
import { compileEncoder } from './compile-encoder.ts';
import { Fault } from './fault.ts';
import type { FrameWriter } from './frame-writer.ts';
import { interpretDecoder } from './interpret-decoder.ts';
import { interpretEncoder } from './interpret-encoder.ts';

/** Reads a message that begins at `at` and ends with `bytes`. Throws on anything else. */
export type Decoder = (bytes: Buffer, at: number) => unknown;
/** Adds a message to the frame. Throws when the message cannot be encoded. */
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
  decoders[version] ??= compileDecoder(layoutOf(message, version));
  const decode = decoders[version];
  try {
    return decode(bytes, at);
  } catch (cause) {
    throw explain(message, version, cause, () => interpretDecoder(layoutOf(message, version))(bytes, at));
  }
}

/** Throws EdgelogError UNSUPPORTED_VERSION when the version cannot carry the value. */
export function encodeWith(message: Message, version: number, writer: FrameWriter, value: unknown): void {
  const { encoders } = codecsOf(message);
  encoders[version] ??= compileEncoder(layoutOf(message, version));
  const encode = encoders[version];
  try {
    encode(writer, value);
  } catch (cause) {
    throw explain(message, version, cause, () => interpretEncoder(layoutOf(message, version))(writer, value));
  }
}

/** The compiled codec failed; the interpreted one fails too, and says at what. */
function explain(message: Message, version: number, cause: unknown, interpret: () => unknown): unknown {
  let fault: unknown;
  try {
    interpret();
  } catch (error) {
    fault = error;
  }
  if (!(fault instanceof Fault)) return fault ?? cause;
  const where = `${message.name} v${version}${fault.path === '' ? '' : `: ${fault.path.slice(1)}`}`;
  if (fault.kind === 'corrupt') {
    return new EdgelogError('CORRUPT_FRAME', `${where} at byte ${fault.at}: ${fault.reason}`);
  }
  assert(fault.kind === 'version', `${where}: ${fault.reason}`);
  return new EdgelogError('UNSUPPORTED_VERSION', `${where}: ${fault.reason}`);
}
