import { PositionsTopic, type PositionsTopicOptions } from './positions-topic.ts';

/** The positions topic as it is now: one that was deleted and created again knows nothing of what is open here. */
export class CurrentPositions {
  readonly #options: PositionsTopicOptions;
  readonly #onAnother: () => void;
  #topic: PositionsTopic | undefined;

  /** `onAnother`: what is open goes by a topic that is gone. */
  constructor(options: PositionsTopicOptions, onAnother: () => void) {
    this.#options = options;
    this.#onAnother = onAnother;
  }

  /** Records of it in memory. */
  get recordsKept(): number {
    return this.#topic?.known.size ?? 0;
  }

  /** Rejects as the cluster does, and with CONFIG_INVALID where the topic cannot be used. */
  async open(): Promise<PositionsTopic> {
    const { cluster, name } = this.#options;
    const found = await cluster.topic(name);
    if (this.#topic !== undefined && this.#topic.topic.id === found?.id) return this.#topic;
    const opened = await PositionsTopic.open(this.#options);
    // Another opening may have been here meanwhile.
    if (this.#topic?.topic.id === opened.topic.id) return this.#topic;
    const isAnother = this.#topic !== undefined;
    this.#topic = opened;
    if (isAnother) this.#onAnother();
    return opened;
  }
}
