export { subscriptionsSchema } from './setting.ts';
export { Subscription, type SubscriptionStatus } from './subscription.ts';
