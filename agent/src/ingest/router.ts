import type { RecordHeader } from '@edgelog/wire';
import { Generations } from './generations.ts';
import type { Incoming } from './incoming.ts';
import { compileRoute, type Route } from './route.ts';
import type { RouteSetting } from './schema.ts';
import { toTopicName } from './topic-name.ts';

export interface RouterOptions {
  routes: readonly RouteSetting[];
  /** Kafka topic of what no route matches, and of routes that name none. */
  topic: string;
  /** What becomes of what no route matches. */
  unrouted: 'default' | 'drop';
  /** Most topics that templates with captures may make: a device could go on for ever. */
  maxRoutedTopics: number;
  /** Topics that there are already, from earlier runs. */
  existingTopics: Iterable<string>;
  /** A template asked for one topic too many. `topic`: the first one that was; `routes`: all so far that asked. */
  onTooManyTopics: (topic: string, routes: string) => void;
}

/** Where a message goes by one route; the same for all messages of its name (and source, where a route asks for that). */
export interface Step {
  readonly route: Route;
  readonly topic: string;
  readonly key: string;
  /** Behind the message's own headers. */
  readonly headers: readonly RecordHeader[];
}

export interface Plan {
  readonly steps: readonly Step[];
  /** No route matched at all. */
  readonly isUnrouted: boolean;
}

/** One line of a dry run: what a route said of a message. */
export interface Verdict {
  readonly route: string;
  readonly outcome: 'matched' | 'passed over' | 'not asked';
  readonly why: string;
  /** Of a route that was passed over: how many levels of the name it followed. */
  readonly levels?: number;
}

/** Plans kept at a time, for each kind of source or each source. */
const PLANS_MAX = 10_000;
const PLANS_MAX_PER_SOURCE = 500;
/** Longer names are decided each time: MQTT allows 65,535 bytes, and a device could make as many of them as plans are kept. */
const PLANNED_NAME_MAX = 500;

/** Which way messages go: the routes in their order, decided once for each name. */
export class Router {
  readonly routes: readonly Route[];
  readonly #options: RouterOptions;
  readonly #usesSource: boolean;
  readonly #byKind: Record<Incoming['kind'], Generations<string, Plan>> = {
    mqtt: new Generations(PLANS_MAX),
    serial: new Generations(PLANS_MAX),
    subscription: new Generations(PLANS_MAX),
  };
  /** By the headers that all messages of a source share; gone with its connection. */
  readonly #bySource = new WeakMap<readonly RecordHeader[], Generations<string, Plan>>();
  readonly #routedTopics: Set<string>;
  /** Names of routes that asked for one topic too many. */
  readonly #overflowing = new Set<string>();
  #firstTooMany: string | undefined;

  /** Throws CONFIG_INVALID naming the route. */
  constructor(options: RouterOptions) {
    this.#options = options;
    this.routes = options.routes.map((setting, i) => compileRoute(setting, i + 1));
    this.#usesSource = this.routes.some(({ usesSource }) => usesSource);
    const literal = new Set(this.routes.map(({ topic }) => topic?.literal));
    this.#routedTopics = new Set(
      [...options.existingTopics].filter((topic) => topic !== options.topic && !literal.has(topic)),
    );
  }

  /** Topics that templates made. */
  get routedTopics(): number {
    return this.#routedTopics.size;
  }

  plan(message: Incoming): Plan {
    if (message.name.length > PLANNED_NAME_MAX) return this.#decide(message);
    const plans = this.#usesSource ? this.#plansOf(message.headers) : this.#byKind[message.kind];
    let plan = plans.get(message.name);
    if (plan === undefined) {
      plan = this.#decide(message);
      plans.set(message.name, plan);
    }
    return plan;
  }

  /** What each route says of a message, and why. */
  explain(message: Incoming): Verdict[] {
    const source = sourceOf(message.headers);
    let decided: string | undefined;
    return this.routes.map((route) => {
      if (decided !== undefined) {
        return { route: route.name, outcome: 'not asked', why: `${decided} has decided` };
      }
      const found = route.match(message, source.client);
      if (found === undefined) {
        return { route: route.name, outcome: 'passed over', ...route.mismatch(message, source.client) };
      }
      if (route.setting.stop) decided = route.name;
      const captures = [...found].map(([name, value]) => `{${name}} = ${JSON.stringify(value)}`);
      return { route: route.name, outcome: 'matched', why: captures.join(', ') };
    });
  }

  #plansOf(headers: readonly RecordHeader[]): Generations<string, Plan> {
    let plans = this.#bySource.get(headers);
    if (plans === undefined) {
      plans = new Generations(PLANS_MAX_PER_SOURCE);
      this.#bySource.set(headers, plans);
    }
    return plans;
  }

  #decide(message: Incoming): Plan {
    const { kind, name, headers } = message;
    const source = sourceOf(headers);
    const levels = name.split('/');
    const steps: Step[] = [];
    for (const route of this.routes) {
      const captures = route.match(message, source.client);
      if (captures === undefined) continue;
      const builtIn: Readonly<Record<string, string>> = { name, kind, ...source };
      const resolve = (reference: string): string =>
        captures.get(reference) ?? builtIn[reference] ?? levels[Number(reference) - 1] ?? '';
      steps.push(this.#step(route, resolve));
      if (route.setting.stop) break;
    }
    return { steps, isUnrouted: steps.length === 0 };
  }

  #step(route: Route, resolve: (reference: string) => string): Step {
    const headers: RecordHeader[] = route.headers.map(({ key, value }) => ({
      key,
      value: Buffer.from(value.render(resolve)),
    }));
    let topic = route.topic?.literal ?? this.#options.topic;
    if (route.topic !== undefined && route.topic.literal === undefined && !route.setting.drop) {
      const wanted = toTopicName(route.topic.render(resolve));
      if (this.#hasRoomFor(wanted)) topic = wanted;
      else {
        headers.push({ key: 'edgelog.topic', value: Buffer.from(wanted) });
        this.#overflow(wanted, route);
        topic = this.#options.topic;
      }
    }
    return { route, topic, key: route.key.render(resolve), headers };
  }

  #overflow(topic: string, route: Route): void {
    this.#overflowing.add(route.name);
    this.#firstTooMany ??= topic;
    this.#options.onTooManyTopics(this.#firstTooMany, [...this.#overflowing].join(', '));
  }

  #hasRoomFor(topic: string): boolean {
    if (topic === this.#options.topic || this.#routedTopics.has(topic)) return true;
    if (this.#routedTopics.size >= this.#options.maxRoutedTopics) return false;
    this.#routedTopics.add(topic);
    return true;
  }
}

/** `mqtt:dev-7` is client `dev-7`. */
function sourceOf(headers: readonly RecordHeader[]): { gateway: string; source: string; client: string } {
  const text = (key: string) => headers.find((one) => one.key === key)?.value?.toString() ?? '';
  const source = text('edgelog.source');
  return { gateway: text('edgelog.gateway'), source, client: source.slice(source.indexOf(':') + 1) };
}
