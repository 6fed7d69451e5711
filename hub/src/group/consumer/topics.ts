/** The topics of this hub, as the coordinator needs to know them. */
export interface TopicsView {
  get(name: string): { readonly id: string; readonly partitions: number } | undefined;
  nameOf(id: string): string | undefined;
  /** Of those that a pattern may match: the broker's own are left out. */
  names(): Iterable<string>;
}

export const noTopics: TopicsView = { get: () => undefined, nameOf: () => undefined, names: () => [] };
