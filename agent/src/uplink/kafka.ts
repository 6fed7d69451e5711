import { EdgelogError, type EdgelogErrorCode } from '@edgelog/base';
import { isPassing } from '@edgelog/client/refusal.ts';
import type { Alarms } from '@edgelog/edge';
import type { Logger } from '@edgelog/runtime';
import type { KafkaSinkStatus, TopicFinding } from '@edgelog/sink';
import type { SinkHolder } from '@edgelog/sink/holder.ts';
import type { KafkaSettings } from '@edgelog/sink/kafka-fields.ts';
import { type Connect, inProcess, type UplinkStreamStatus } from '@edgelog/sync';

export interface KafkaHubOptions {
  readonly url: string;
  readonly gateway: string;
  readonly settings: KafkaSettings;
  readonly alarms: Alarms;
  readonly log: Logger;
}

/** Of a cluster that answers, and will not say anything else before somebody has changed something. */
const WANTS_OPERATOR: ReadonlySet<EdgelogErrorCode> = new Set([
  'AUTHENTICATION_FAILED',
  'CONFIG_INVALID',
  'REFUSED',
  'UNSUPPORTED_VERSION',
]);
/** Of a stream that waits until somebody has changed something, in the cluster or of this gateway's clock. */
const WANTS_SOMEBODY = /^(unauthorized|topic-missing|store-failed): /;
/** So many topics are named in one alarm. */
const NAMED_MAX = 5;

/** A Kafka cluster in the place of a hub: the hub's side of the uplink's session is in this process, on a sink. */
export class KafkaHub {
  readonly connect: Connect;
  readonly #holder: SinkHolder;
  readonly #alarms: Alarms;
  #raised = new Set<string>();

  private constructor(holder: SinkHolder, { alarms, log }: KafkaHubOptions) {
    this.#holder = holder;
    this.#alarms = alarms;
    this.connect = inProcess({
      log,
      reach: async () => {
        try {
          return await holder.reach();
        } catch (error) {
          if (!(error instanceof EdgelogError) || isPassing(error) || !WANTS_OPERATOR.has(error.code))
            throw error;
          return { ok: false, code: 'unauthorized', message: error.message };
        }
      },
    });
  }

  /** Connects to nothing yet. Throws CONFIG_INVALID. */
  static async prepare(options: KafkaHubOptions): Promise<KafkaHub> {
    const { url, gateway, settings, log } = options;
    // With a hub a gateway needs no client of Kafka in its memory.
    const { SinkHolder } = await import('@edgelog/sink/holder.ts');
    return new KafkaHub(new SinkHolder({ url, settings, clientId: `edgelog-${gateway}`, log }), options);
  }

  /** Undefined before the cluster was reached for the first time. */
  status(): KafkaSinkStatus | undefined {
    return this.#holder.sink?.status();
  }

  /** Raises and clears alarms by what is known now. */
  look(streams: readonly UplinkStreamStatus[]): void {
    const wrong = new Map<string, string>();
    for (const [name, { says, advice, topics }] of this.#findings()) {
      const others = topics.length - NAMED_MAX;
      const named = topics.slice(0, NAMED_MAX).join(', ') + (others > 0 ? ` and ${others} more` : '');
      wrong.set(name, `${named}: ${says}: ${advice}`);
    }
    for (const { topic, reason } of streams)
      if (reason !== undefined && WANTS_SOMEBODY.test(reason))
        wrong.set(`Kafka refuses ${topic}`, `${reason}; its readings are kept here, and it is tried again`);
    for (const [name, message] of wrong) this.#alarms.raise(name, message);
    for (const name of this.#raised) if (!wrong.has(name)) this.#alarms.clear(name);
    this.#raised = new Set(wrong.keys());
  }

  /** What is wrong with topics' settings, by the alarm for it: one setting is often wrong for all. */
  #findings(): ReadonlyMap<string, TopicFinding & { topics: string[] }> {
    const found = new Map<string, TopicFinding & { topics: string[] }>();
    for (const { topic, findings } of this.status()?.topics ?? []) {
      for (const finding of findings) {
        if (finding.severity === 'note') continue;
        const name = `Kafka topics, ${finding.setting}=${finding.value}`;
        const known = found.get(name);
        if (known === undefined) found.set(name, { ...finding, topics: [topic] });
        else known.topics.push(topic);
      }
    }
    return found;
  }

  /** Writes the positions of what is committed. */
  stop(): Promise<void> {
    return this.#holder.stop();
  }
}
