import type { AclRule } from './acl-rules.ts';
import { covers, type Filter, overlaps, parseFilter } from './topic-filter.ts';

/** Topics of one client whose answer is kept. */
const KNOWN_TOPICS_MAX = 256;
const SHARED = /^\$share\/[^/]+\//;

/** What one client may do under the rules that stood when it was made. Nothing is allowed that no rule allows. */
export class ClientRights {
  readonly #publish: Filter[] = [];
  readonly #subscribe: Filter[] = [];
  readonly #deny: Filter[] = [];
  readonly #mayReceive = new Map<string, boolean>();

  constructor(rules: readonly AclRule[], user: string | undefined, clientId: string) {
    for (const { isFor, action, filter } of rules) {
      if (isFor !== undefined && !isFor(user)) continue;
      const levels = filledIn(filter, user, clientId);
      if (levels === undefined) continue;
      if (action === 'deny') this.#deny.push(levels);
      if (action === 'publish' || action === 'both') this.#publish.push(levels);
      if (action === 'subscribe' || action === 'both') this.#subscribe.push(levels);
    }
  }

  mayPublish(topic: string): boolean {
    const levels = topic.split('/');
    return this.#covered(this.#publish, levels) && !this.#covered(this.#deny, levels);
  }

  /** Wider than what may be received is fine: each message is judged on its way out. */
  maySubscribe(filter: string): boolean {
    const levels = parseFilter(filter.replace(SHARED, ''));
    if (levels === undefined || this.#covered(this.#deny, levels)) return false;
    return this.#subscribe.some((allowed) => overlaps(allowed, levels));
  }

  mayReceive(topic: string): boolean {
    const known = this.#mayReceive.get(topic);
    if (known !== undefined) return known;
    const levels = topic.split('/');
    const may = this.#covered(this.#subscribe, levels) && !this.#covered(this.#deny, levels);
    if (this.#mayReceive.size >= KNOWN_TOPICS_MAX) this.#mayReceive.clear();
    this.#mayReceive.set(topic, may);
    return may;
  }

  #covered(filters: readonly Filter[], levels: Filter): boolean {
    return filters.some((filter) => covers(filter, levels));
  }
}

/** Undefined where a name is missing, or would be a wildcard or a level of its own in the filter: such a rule allows nothing. */
function filledIn(filter: string, user: string | undefined, clientId: string): Filter | undefined {
  const isPlain = (name: string | undefined) => name !== undefined && /^[^+#/]+$/.test(name);
  if (filter.includes('%u') && !isPlain(user)) return undefined;
  if (filter.includes('%c') && !isPlain(clientId)) return undefined;
  return filter
    .split('/')
    .map((level) => level.replace(/%([uc])/g, (_, which) => (which === 'u' ? user! : clientId)));
}
