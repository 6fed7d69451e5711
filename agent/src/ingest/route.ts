import { EdgelogError } from '@edgelog/base';
import { TOPIC_NAME } from '@edgelog/wire';
import type { Incoming } from './incoming.ts';
import { type Captures, type Mismatch, type Pattern, topicFilter, wildcard } from './pattern.ts';
import { Sampler } from './sampler.ts';
import type { RouteSetting } from './schema.ts';
import { type Template, template } from './template.ts';

/** What became of the messages that matched a route. */
export interface RouteCounters {
  matched: number;
  /** Records that were taken into a stream. */
  records: number;
  dropped: number;
  sampledOut: number;
  /** Device times that cannot be, or were not there. */
  timeFaults: number;
  /** Sparkplug payloads that went on as they came. */
  sparkplugRaw: number;
}

type MatchedBy = Pick<Incoming, 'kind' | 'name'>;

/** A route, its patterns and templates compiled. */
export interface Route {
  readonly name: string;
  readonly setting: RouteSetting;
  readonly topic: Template | undefined;
  readonly key: Template;
  readonly headers: readonly { key: string; value: Template }[];
  readonly sampler: Sampler | undefined;
  readonly counters: RouteCounters;
  /** What it decides depends on the device that sent a message, not on the message's name alone. */
  readonly usesSource: boolean;
  /** What its pattern took out of the name; undefined where it does not match. */
  match(message: MatchedBy, client: string): Captures | undefined;
  /** Why it does not match. */
  mismatch(message: MatchedBy, client: string): Mismatch;
}

const BUILT_IN = ['name', 'kind', 'gateway', 'source', 'client'];
const SOURCE = ['gateway', 'source', 'client'];
const NONE: Captures = new Map();

/** `number` counts from 1, as people do. Throws CONFIG_INVALID naming the route. */
export function compileRoute(setting: RouteSetting, number: number): Route {
  const name = setting.name ?? `route ${number}`;
  try {
    return compile(setting, name);
  } catch (error) {
    if (!(error instanceof EdgelogError)) throw error;
    throw new EdgelogError('CONFIG_INVALID', `routes, ${name}: ${error.message}`, { cause: error });
  }
}

function compile(setting: RouteSetting, name: string): Route {
  const { match } = setting;
  const given = typeof match === 'string' || Array.isArray(match) ? { topic: match } : match;
  const topics = list(given.topic).map(topicFilter);
  const ports = list(given.port).map(wildcard);
  const clients = list('client' in given ? given.client : undefined).map(wildcard);
  const kind = 'kind' in given ? given.kind : undefined;
  const named = [...topics, ...ports];
  // What a template may use must be there whichever of the patterns matched.
  const captures = (named[0]?.captures ?? []).filter((one) => named.every((p) => p.captures.includes(one)));
  const shadowed = captures.find((one) => BUILT_IN.includes(one));
  if (shadowed !== undefined) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `{${shadowed}} has a meaning of its own, name the capture otherwise`,
    );
  }
  const known = [...BUILT_IN, ...captures];
  const topic = setting.topic === undefined ? undefined : template(setting.topic, known);
  if (topic !== undefined) checkTopic(topic);
  const key = template(setting.key ?? '{name}', known);
  const headers = Object.entries(setting.headers ?? {}).map(([header, text]) => ({
    key: header,
    value: template(text, known),
  }));
  const patternsFor = ({ kind: sent }: MatchedBy) => (sent === 'serial' ? ports : topics);
  const all = [topic, key, ...headers.map(({ value }) => value)];
  const usesSource =
    clients.length > 0 || all.some((one) => one?.references.some((reference) => SOURCE.includes(reference)));
  return {
    name,
    setting,
    topic,
    key,
    headers,
    sampler: setting.sample === undefined ? undefined : new Sampler(setting.sample),
    counters: { matched: 0, records: 0, dropped: 0, sampledOut: 0, timeFaults: 0, sparkplugRaw: 0 },
    usesSource,
    match: (message, client) => {
      if (kind !== undefined && message.kind !== kind) return undefined;
      if (clients.length > 0 && firstMatch(clients, client) === undefined) return undefined;
      return named.length === 0 ? NONE : firstMatch(patternsFor(message), message.name);
    },
    mismatch: (message, client) => {
      if (kind !== undefined && message.kind !== kind) return { why: `kind is ${message.kind}`, levels: 0 };
      const what = message.kind === 'serial' ? 'port' : 'topic';
      const patterns = patternsFor(message);
      if (named.length > 0 && patterns.length === 0) return { why: `it asks for no ${what}`, levels: 0 };
      if (named.length > 0 && firstMatch(patterns, message.name) === undefined) {
        return patterns
          .map((one) => one.mismatch(message.name))
          .reduce((a, b) => (b.levels > a.levels ? b : a));
      }
      const levels = message.name.split('/').length;
      return { why: `client ${JSON.stringify(client)} is none of its clients`, levels };
    },
  };
}

function firstMatch(patterns: readonly Pattern[], name: string): Captures | undefined {
  for (const pattern of patterns) {
    const found = pattern.match(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a capture brings is made legal; what stands there in so many words is refused at the start. */
function checkTopic(topic: Template): void {
  const sample = topic.render(() => 'x');
  if (TOPIC_NAME.test(sample)) return;
  throw new EdgelogError(
    'CONFIG_INVALID',
    `topic ${JSON.stringify(topic.text)} cannot become a Kafka topic name: 1 to 249 of a-z A-Z 0-9 . _ -`,
  );
}

function list(given: string | readonly string[] | undefined): readonly string[] {
  return given === undefined ? [] : typeof given === 'string' ? [given] : given;
}
