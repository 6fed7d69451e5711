const SEPARATOR = '/';

/** True where a topic filter matches a topic name [MQTT-4.7]; a wildcard in front does not match `$…` [MQTT-4.7.2-1]. */
export function filterMatches(filter: string, topic: string): boolean {
  const wanted = filter.split(SEPARATOR);
  const levels = topic.split(SEPARATOR);
  if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false;
  for (const [i, want] of wanted.entries()) {
    if (want === '#') return true;
    if (i >= levels.length || (want !== '+' && want !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

/** What every topic that a filter matches begins with. */
export function literalPrefix(filter: string): string {
  const wildcard = filter.search(/[+#]/);
  if (wildcard < 0) return filter;
  // `a/#` matches `a` too [MQTT-4.7.1-2].
  return filter.slice(0, filter[wildcard] === '#' ? Math.max(0, wildcard - 1) : wildcard);
}

interface Node<T> {
  children: Map<string, Node<T>>;
  values: Map<string, T>;
}

/** Values by topic filter and owner; finds those whose filters match a topic in time of its levels, not of their number. */
export class FilterTree<T> {
  readonly #root: Node<T> = newNode();

  set(filter: string, owner: string, value: T): void {
    let node = this.#root;
    for (const level of filter.split(SEPARATOR)) {
      let child = node.children.get(level);
      if (child === undefined) {
        child = newNode();
        node.children.set(level, child);
      }
      node = child;
    }
    node.values.set(owner, value);
  }

  delete(filter: string, owner: string): void {
    const path = [this.#root];
    const levels = filter.split(SEPARATOR);
    for (const level of levels) {
      const child = path.at(-1)!.children.get(level);
      if (child === undefined) return;
      path.push(child);
    }
    path.at(-1)!.values.delete(owner);
    for (let i = levels.length; i > 0; i--) {
      const { children, values } = path[i]!;
      if (children.size > 0 || values.size > 0) return;
      path[i - 1]!.children.delete(levels[i - 1]!);
    }
  }

  match(topic: string): T[] {
    const levels = topic.split(SEPARATOR);
    const found: T[] = [];
    const visit = (node: Node<T>, at: number): void => {
      const mayWildcard = at > 0 || !topic.startsWith('$');
      const rest = mayWildcard ? node.children.get('#') : undefined;
      if (rest !== undefined) found.push(...rest.values.values());
      if (at === levels.length) {
        found.push(...node.values.values());
        return;
      }
      const same = node.children.get(levels[at]!);
      if (same !== undefined) visit(same, at + 1);
      const any = mayWildcard ? node.children.get('+') : undefined;
      if (any !== undefined) visit(any, at + 1);
    };
    visit(this.#root, 0);
    return found;
  }
}

function newNode<T>(): Node<T> {
  return { children: new Map(), values: new Map() };
}
