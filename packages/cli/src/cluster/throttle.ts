import { check, type KafkaCluster } from '@edgelog/client';
import type { Move } from '@edgelog/cluster';
import { apis } from '@edgelog/wire';

const BROKER_RESOURCE = 4;
const SET = 0;
const DELETE = 1;
export const MOVE_RATE = 'follower.replication.throttled.rate';

/** How fast moves may copy to brokers, set at each of them; what is set stays until `lift`. */
export class Throttle {
  readonly #cluster: KafkaCluster;
  readonly #bytesPerSecond: number | undefined;
  readonly #brokers = new Set<number>();

  /** `bytesPerSecond`: undefined leaves it as it is. */
  constructor(cluster: KafkaCluster, bytesPerSecond: number | undefined) {
    this.#cluster = cluster;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Where it is set now. */
  get brokers(): readonly number[] {
    return [...this.#brokers];
  }

  /** At the brokers that these moves copy to. */
  async impose(moves: readonly Move[]): Promise<void> {
    if (this.#bytesPerSecond === undefined) return;
    for (const id of new Set(moves.flatMap(({ from, to }) => to.filter((one) => !from.includes(one))))) {
      if (this.#brokers.has(id)) continue;
      await this.#alter(id, SET, String(this.#bytesPerSecond));
      this.#brokers.add(id);
    }
  }

  async lift(): Promise<void> {
    for (const id of this.#brokers) {
      await this.#alter(id, DELETE, null);
      this.#brokers.delete(id);
    }
  }

  async #alter(id: number, configOperation: number, value: string | null): Promise<void> {
    const configs = [{ name: MOVE_RATE, configOperation, value }];
    const resources = [{ resourceType: BROKER_RESOURCE, resourceName: String(id), configs }];
    const { responses } = await this.#cluster.toBroker(id, apis.incrementalAlterConfigs, {
      resources,
      validateOnly: false,
    });
    for (const { errorCode, errorMessage } of responses)
      check(errorCode, `the throttle of broker ${id}`, errorMessage);
  }
}
