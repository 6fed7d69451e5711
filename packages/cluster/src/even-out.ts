export interface Evening<T> {
  /** How much each has now; `apply` keeps it. */
  readonly loads: ReadonlyMap<number, number>;
  /** The cheapest item that can go from one to the other, without those taken. */
  cheapest(from: number, to: number, taken: ReadonlySet<T>): { item: T; cost: number } | undefined;
  apply(item: T, from: number, to: number): void;
  /** Who may end up with more; everybody when left out. */
  readonly mayGain?: (id: number) => boolean;
}

interface Visit<T> {
  readonly from: number;
  readonly item: T;
  /** What the way there takes. */
  readonly taken: ReadonlySet<T>;
}

/**
 * Moves items from those who have more to those who have less by two at least, each directly or by a chain in which everybody passes one
 * on for the one it gets, until no such chain is left. So loads differ by one at most wherever the items allow it.
 */
export function evenOut<T>(evening: Evening<T>): void {
  /** From these no way led on since something was moved. */
  let stuck = new Set<number>();
  let hasMoved = false;
  for (;;) {
    const from = heaviest(evening.loads, stuck);
    if (from === undefined) {
      if (!hasMoved) return;
      stuck = new Set();
      hasMoved = false;
    } else if (moveOne(evening, from, stuck)) hasMoved = true;
  }
}

function heaviest(loads: ReadonlyMap<number, number>, except: ReadonlySet<number>): number | undefined {
  let found: number | undefined;
  for (const [id, load] of loads) {
    if (!except.has(id) && (found === undefined || load > loads.get(found)!)) found = id;
  }
  return found;
}

/** By the shortest chain to the one who has least; when there is none, all that was gone through is `stuck`. */
function moveOne<T>(evening: Evening<T>, from: number, stuck: Set<number>): boolean {
  const { loads, mayGain = () => true } = evening;
  const lightest = [...loads.keys()].sort((a, b) => loads.get(a)! - loads.get(b)!);
  const goals = lightest.filter((id) => loads.get(id)! <= loads.get(from)! - 2 && mayGain(id));
  if (goals.length === 0) {
    stuck.add(from);
    return false;
  }
  const visited = new Map<number, Visit<T>>();
  let level = [from];
  while (level.length > 0) {
    const next: number[] = [];
    for (const wanted of [goals, lightest]) {
      for (const to of wanted) {
        if (to === from || visited.has(to) || stuck.has(to)) continue;
        const visit = cheapestVisit(evening, level, visited, to);
        if (visit === undefined) continue;
        visited.set(to, visit);
        if (wanted === goals) {
          follow(evening, visited, from, to);
          return true;
        }
        next.push(to);
      }
    }
    level = next;
  }
  for (const id of [from, ...visited.keys()]) stuck.add(id);
  return false;
}

function cheapestVisit<T>(
  evening: Evening<T>,
  level: readonly number[],
  visited: ReadonlyMap<number, Visit<T>>,
  to: number,
): Visit<T> | undefined {
  let best: { visit: Visit<T>; cost: number } | undefined;
  for (const from of level) {
    const before = visited.get(from)?.taken ?? new Set<T>();
    const found = evening.cheapest(from, to, before);
    if (found === undefined || (best !== undefined && best.cost <= found.cost)) continue;
    const { item, cost } = found;
    best = { visit: { from, item, taken: new Set(before).add(item) }, cost };
  }
  return best?.visit;
}

function follow<T>(evening: Evening<T>, visited: ReadonlyMap<number, Visit<T>>, from: number, goal: number) {
  for (let at = goal; at !== from; at = visited.get(at)!.from) {
    const visit = visited.get(at)!;
    evening.apply(visit.item, visit.from, at);
  }
}
