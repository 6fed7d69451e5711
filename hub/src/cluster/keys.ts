/** Where the cluster's metadata lies in etcd. */
export class ClusterKeys {
  /** What all of them begin with, `/` included. */
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = `${prefix}/`;
  }

  /** Created once, with the cluster's id. */
  get cluster(): string {
    return `${this.prefix}cluster`;
  }

  /** Leased; its creation revision is the controller's epoch. */
  get controller(): string {
    return `${this.prefix}controller`;
  }

  get producerIds(): string {
    return `${this.prefix}producer-ids`;
  }

  /** Leased; its creation revision is the broker's epoch. */
  broker(id: number): string {
    return `${this.prefix}brokers/${id}`;
  }

  directory(id: number): string {
    return `${this.prefix}directories/${id}`;
  }

  topic(name: string): string {
    return `${this.prefix}topics/${name}`;
  }

  /** Its modification revision is the partition's epoch. */
  partition(topicId: string, index: number): string {
    return `${this.partitionsOf(topicId)}${index}`;
  }

  /** Prefix of all partitions of a topic. */
  partitionsOf(topicId: string): string {
    return `${this.prefix}partitions/${topicId}/`;
  }

  run(producerId: number): string {
    return `${this.prefix}runs/${producerId}`;
  }

  gap(logId: string, from: number, to: number): string {
    return `${this.prefix}gaps/${logId}/${from}-${to}`;
  }
}
