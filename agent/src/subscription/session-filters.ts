import { parseJson } from '@edgelog/edge';
import type { StateTable } from '@edgelog/log';
import type { MqttClient } from 'mqtt';
import { z } from 'zod';
import { describeReason } from './describe.ts';
import { filtersOf, nameOf, type SubscriptionSetting } from './setting.ts';

/** A filter that the broker does not grant, and why. */
export interface Refusal {
  filter: string;
  why: string;
}

/** Reason codes from here on mean refused; below them is the QoS granted. */
const REFUSED = 0x80;
const storedSchema = z.array(z.string());

/**
 * Brings the filters of the broker's session in line with the settings. What a resumed session has is not asked for again: the broker
 * would send all retained messages again.
 */
export class SessionFilters {
  readonly #setting: SubscriptionSetting;
  readonly #state: StateTable;

  /** `state` holds which filters the session has. */
  constructor(setting: SubscriptionSetting, state: StateTable) {
    this.#setting = setting;
    this.#state = state;
  }

  /**
   * Asks for what the session lacks and gives back what it has too much. Resolves with what the broker refuses. Throws what
   * mqtt.js does where the connection ends meanwhile.
   */
  async bringInLine(client: MqttClient, isResumed: boolean): Promise<Refusal[]> {
    const { qos } = this.#setting;
    const wanted = filtersOf(this.#setting);
    const had = isResumed ? this.#stored() : [];
    const missing = wanted.filter((one) => !had.includes(`${qos} ${one}`));
    const surplus = had.map((one) => one.slice(2)).filter((one) => !wanted.includes(one));
    if (surplus.length > 0) await client.unsubscribeAsync(surplus);
    const refusals = missing.length === 0 ? [] : await this.#ask(client, missing);
    if (missing.length > 0 || surplus.length > 0) {
      const granted = wanted.filter((one) => refusals.every(({ filter }) => filter !== one));
      this.#store(granted.map((one) => `${qos} ${one}`));
    }
    return refusals;
  }

  /** The other filters stand, whatever becomes of one. */
  #ask(client: MqttClient, filters: string[]): Promise<Refusal[]> {
    return new Promise((resolve, reject) => {
      client.subscribe(filters, { qos: this.#setting.qos }, (error, _granted, packet) => {
        const codes = packet?.granted as number[] | undefined;
        if (codes?.length !== filters.length) {
          reject(error ?? new Error('the broker answers SUBSCRIBE with another number of filters'));
          return;
        }
        resolve(
          filters.flatMap((filter, i) => {
            const code = codes[i]!;
            if (code < REFUSED) return [];
            return [{ filter, why: describeReason(code) }];
          }),
        );
      });
    });
  }

  get #key(): string {
    return `subscription/${nameOf(this.#setting)}`;
  }

  #stored(): string[] {
    const stored = this.#state.get(this.#key);
    const parsed = stored && storedSchema.safeParse(parseJson(stored));
    return parsed?.success ? parsed.data : [];
  }

  /** In the next commit: at worst they are asked for once more. */
  #store(filters: readonly string[]): void {
    this.#state.put(this.#key, Buffer.from(JSON.stringify(filters)));
  }
}
