import { randomBytes } from 'node:crypto';
import { MqttLoad } from '../../harness/mqtt-load.ts';

/** The Kafka topic whose oldest data the gateway gives up when its disk is full. */
export const RING = 'ring';

const FILLER = randomBytes(24 * 1024).toString('base64');

export interface LabelledLoad {
  clientId: string;
  load: MqttLoad;
}

/** Devices that publish for the topic `ring`: one that always does, a little, and at times one that floods it. */
export class Ring {
  readonly loads: LabelledLoad[] = [];
  readonly #port: number;
  readonly #running: Promise<void>[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  trickle(): void {
    this.#start(1, 500, '');
  }

  /** Some ten megabytes a second; the answer ends it. */
  flood(): () => Promise<void> {
    const load = this.#start(10, 25, FILLER);
    return () => {
      load.stop();
      return this.#running.at(-1)!;
    };
  }

  async stop(): Promise<void> {
    for (const { load } of this.loads) load.stop();
    await Promise.all(this.#running);
  }

  #start(window: number, pauseMs: number, filler: string): MqttLoad {
    const clientId = `ring-${this.loads.length}`;
    const payload = (sequence: number) => Buffer.from(`${clientId}:${sequence}:${filler}`);
    const load = new MqttLoad({
      ...{ port: this.#port, clientId, topic: `${RING}/${clientId}`, window, pauseMs, payload },
    });
    this.loads.push({ clientId, load });
    this.#running.push(load.run());
    return load;
  }
}
