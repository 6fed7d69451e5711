/** What a log belongs to. */
export interface LogOwner {
  readonly topic: string;
  readonly index: number;
  /** Where the broker is one of a cluster: a topic made again under an old name has other logs. */
  readonly topicId?: string | undefined;
}

/** TOPIC-INDEX, in a cluster TOPIC-INDEX.TOPICID. */
export function logName({ topic, index, topicId }: LogOwner): string {
  return topicId === undefined ? `${topic}-${index}` : `${topic}-${index}.${topicId}`;
}

const IN_CLUSTER = /^(?<topic>.+)-(?<index>\d+)\.(?<topicId>[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/;
const STANDALONE = /^(?<topic>.+)-(?<index>\d+)$/;

/** Undefined for what is no log's name. */
export function parseLogName(name: string): LogOwner | undefined {
  const { topic, index, topicId } = (IN_CLUSTER.exec(name) ?? STANDALONE.exec(name))?.groups ?? {};
  return topic === undefined ? undefined : { topic, index: Number(index), topicId };
}
