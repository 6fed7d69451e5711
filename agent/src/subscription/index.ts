import type { SubscriptionSetting } from './setting.ts';
import type { Subscription, SubscriptionOptions } from './subscription.ts';

export { subscriptionsSchema } from './setting.ts';
export type { Subscription, SubscriptionStatus } from './subscription.ts';

/** Connects to existing brokers. Where there are none the client is not even loaded: it takes a while on a small machine. */
export async function startSubscriptions(
  settings: readonly SubscriptionSetting[],
  surroundings: Omit<SubscriptionOptions, 'setting'>,
): Promise<Subscription[]> {
  if (settings.length === 0) return [];
  const { Subscription } = await import('./subscription.ts');
  return settings.map((setting) => new Subscription({ ...surroundings, setting }));
}
