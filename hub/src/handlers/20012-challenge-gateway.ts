import type { Handler } from './handler.ts';

/** ChallengeGateway: whether an instance at another broker may have a gateway's name. Waits for a sign of life of who has it here. */
export const challengeGateway: Handler<'challengeGateway'> = async (
  { gateway, instance, remote },
  { broker },
) => ({ refusal: (await broker.gatewayDirectory?.challenge(gateway, { instance, remote })) ?? null });
