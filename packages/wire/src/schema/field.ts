/**
 * The schema language. A message is a plain object of fields, in wire order; TypeScript infers from it what a decoder
 * gives and what an encoder takes, and the codec for each version is compiled from the same value.
 */

export type ScalarKind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'bigint64'
  | 'uint16'
  | 'uint32'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records';

export type FieldType =
  | { readonly kind: ScalarKind }
  | { readonly kind: 'array'; readonly element: FieldType }
  | { readonly kind: 'struct'; readonly fields: Fields };

export interface FieldOptions<T> {
  /** First version that has the field. */
  readonly since?: number;
  /** Last version that has the field; it is removed in the next. */
  readonly until?: number;
  /** First version in which the field may be null. */
  readonly nullable?: number;
  /** Its value where the wire does not carry it. Without one: 0, false, '', an empty buffer or list, the zero UUID. */
  readonly default?: T | null;
  /** The encoder drops a value that the version cannot carry; otherwise it throws. */
  readonly ignorable?: boolean;
  /** Carried in the tagged section (flexible versions) from version `since` on; absent before. */
  readonly tagged?: { readonly tag: number; readonly since: number };
}

/**
 * One field. `Out` is what a decoder gives, `In` what an encoder takes, `Optional` whether the encoder accepts its absence:
 * so it is for every field that is not in all versions, is tagged, or has a stated default.
 */
export class Field<Out = unknown, In = unknown, Optional extends boolean = boolean> {
  /** Types only; never set. */
  declare readonly inferred: { readonly out: Out; readonly in: In; readonly optional: Optional };
  readonly type: FieldType;
  readonly options: FieldOptions<unknown>;

  constructor(type: FieldType, options: FieldOptions<unknown>) {
    this.type = type;
    this.options = options;
  }
}

export type Fields = Readonly<Record<string, Field>>;

type OrNull<T, O> = O extends { nullable: number } ? T | null : T;
type IsOptional<O> = O extends
  | { since: number }
  | { until: number }
  | { tagged: object }
  | { default: unknown }
  ? true
  : false;
type FieldOf<Out, In, O> = Field<OrNull<Out, O>, OrNull<In, O>, IsOptional<O>>;

/** What a decoder of these fields gives: every field, with defaults for those that the version lacks. */
export type Decoded<F extends Fields> = { -readonly [K in keyof F]: F[K]['inferred']['out'] };

type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K]['inferred']['optional'] extends true ? K : never;
}[keyof F];
type Flat<T> = { [K in keyof T]: T[K] };

/** What an encoder of these fields takes: fields with a default may be left out. A `Decoded` is one too. */
export type Encodable<F extends Fields> = Flat<
  { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: F[K]['inferred']['in'] } & {
    readonly [K in OptionalKeys<F>]?: F[K]['inferred']['in'] | undefined;
  }
>;

type ElementOut<E> = E extends Field<infer Out> ? Out : E extends Fields ? Decoded<E> : never;
type ElementIn<E> = E extends Field ? E['inferred']['in'] : E extends Fields ? Encodable<E> : never;

const scalar =
  <Out, In = Out>(kind: ScalarKind) =>
  <const O extends FieldOptions<Out>>(options?: O): FieldOf<Out, In, O> =>
    new Field({ kind }, options ?? {}) as FieldOf<Out, In, O>;

export const bool = scalar<boolean>('bool');
export const int8 = scalar<number>('int8');
export const int16 = scalar<number>('int16');
export const int32 = scalar<number>('int32');
/** Range −2^53 … 2^53−1; anything beyond is refused. */
export const int64 = scalar<number>('int64');
/** For the few fields where all 64 bits are legal. */
export const bigint64 = scalar<bigint>('bigint64');
export const uint16 = scalar<number>('uint16');
export const uint32 = scalar<number>('uint32');
export const float64 = scalar<number>('float64');
/** Canonical text, lower case with dashes (Kafka's tools print the same 16 bytes as base64). */
export const uuid = scalar<string>('uuid');
export const string = scalar<string>('string');
/** Decoded as a view into the frame. */
export const bytes = scalar<Buffer>('bytes');
/** Record batches: decoded as a view into the frame; encoded from a buffer or a list of them, which are not copied. */
export const records = scalar<Buffer, Buffer | readonly Buffer[]>('records');

/** A list of scalars, `array(int32())`, or of structs, `array({ name: string() })`. */
export function array<E extends Field | Fields, const O extends FieldOptions<readonly never[]>>(
  element: E,
  options?: O,
): FieldOf<ElementOut<E>[], readonly ElementIn<E>[], O> {
  const type: FieldType =
    element instanceof Field ? element.type : { kind: 'struct', fields: element as Fields };
  return new Field({ kind: 'array', element: type }, options ?? {}) as FieldOf<
    ElementOut<E>[],
    readonly ElementIn<E>[],
    O
  >;
}

/** A struct inside a message. Its default has every field at its default, unless that is stated to be null. */
export function struct<F extends Fields, const O extends FieldOptions<null>>(
  fields: F,
  options?: O,
): FieldOf<Decoded<F>, Encodable<F>, O> {
  return new Field({ kind: 'struct', fields }, options ?? {}) as FieldOf<Decoded<F>, Encodable<F>, O>;
}
