import type { Decoded, Encodable, Fields } from './field.ts';

/** Inclusive. */
export type VersionRange = readonly [min: number, max: number];

/** A versioned structure: half of an API, or a record's key or value. */
export interface Message<F extends Fields = Fields> {
  /** For errors, such as `Fetch request`. */
  readonly name: string;
  readonly versions: VersionRange;
  /** First version with compact lengths and tagged fields; Infinity when there is none. */
  readonly flexible: number;
  readonly fields: F;
}

/** One Kafka API. */
export interface Api<Req extends Fields = Fields, Res extends Fields = Fields> {
  /** Kafka's name, such as `OffsetForLeaderEpoch`. */
  readonly name: string;
  readonly key: number;
  /** What the codecs can read and write. */
  readonly versions: VersionRange;
  /** What ApiVersions tells clients; wider than `versions` only where a client demands it. */
  readonly advertised: VersionRange;
  readonly flexible: number;
  /** Between brokers of Edgelog only: of one version, unknown to ApiVersions and to Kafka. Its key is 20000 or more. */
  readonly isInternal: boolean;
  readonly request: Message<Req>;
  readonly response: Message<Res>;
}

export interface ApiDefinition<Req extends Fields, Res extends Fields> {
  readonly name: string;
  readonly key: number;
  readonly versions: VersionRange;
  readonly advertised?: VersionRange;
  readonly flexible?: number;
  readonly isInternal?: boolean;
  readonly request: Req;
  readonly response: Res;
}

export function api<Req extends Fields, Res extends Fields>(d: ApiDefinition<Req, Res>): Api<Req, Res> {
  const {
    name,
    key,
    versions,
    advertised = versions,
    flexible = Number.POSITIVE_INFINITY,
    isInternal = false,
  } = d;
  return {
    name,
    key,
    versions,
    advertised,
    flexible,
    isInternal,
    request: { name: `${name} request`, versions, flexible, fields: d.request },
    response: { name: `${name} response`, versions, flexible, fields: d.response },
  };
}

export function message<F extends Fields>(d: {
  name: string;
  versions: VersionRange;
  flexible?: number;
  fields: F;
}): Message<F> {
  return { flexible: Number.POSITIVE_INFINITY, ...d };
}

/** What decoding this message gives. */
export type DecodedMessage<M extends Message> = Decoded<M['fields']>;
/** What encoding this message takes. */
export type EncodableMessage<M extends Message> = Encodable<M['fields']>;
