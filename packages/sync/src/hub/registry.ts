import type { RefusalCode } from '../ports.ts';
import type { DuplicateGateway } from '../server-types.ts';

/**
 * Who holds a gateway's name. One name, one live instance: the one that was here first keeps it for as long as it
 * answers, so that a clone and its original never take turns.
 */
export interface Claim {
  /** Number of the connection, drawn by the shell. */
  connection: number;
  instance: string;
  remote: string;
}

interface Holding {
  holder: Claim;
  /** Somebody else wants the name, and the holder was asked for a sign of life. */
  probe: { challenger: Claim; askedAt: number; looksWithBytes: number } | undefined;
}

export interface Registry {
  readonly probeTimeoutMs: number;
  gateways: Map<string, Holding>;
  duplicates: Map<string, DuplicateGateway>;
}

export type RegistryEvent =
  | { type: 'claim'; gateway: string; claim: Claim }
  /** The connection answered the probe itself. */
  | { type: 'answered'; gateway: string; connection: number }
  /** Bytes came from the connection since the last look: they may have been on their way when its other end died. */
  | { type: 'seen'; gateway: string; connection: number }
  | { type: 'gone'; gateway: string; connection: number }
  | { type: 'tick' };

export type RegistryEffect =
  | { type: 'admit'; connection: number }
  | { type: 'refuse'; connection: number; message: string }
  /** Close an older connection whose name passed to another. */
  | { type: 'replace'; connection: number; code: RefusalCode; message: string }
  /** Ask for a sign of life: `answered`, `seen`. */
  | { type: 'probe'; connection: number };

/** Bytes seen this long after the probe are a sign of life: what a dead peer had sent has long been read by then. */
const SETTLED_AFTER_MS = 1_000;
/** And not in one look only: a hub that stood still reads late what was there long before. */
const LOOKS_WITH_BYTES = 3;

const RECONNECTED = { code: 'shutting-down', message: 'its agent connected anew' } as const;

export function createRegistry(probeTimeoutMs: number): Registry {
  return { probeTimeoutMs, gateways: new Map(), duplicates: new Map() };
}

/** Pure, like the sessions: changes `registry` in place and answers what is to be done. */
export function handleRegistry(
  registry: Registry,
  event: RegistryEvent,
  now: number,
): { state: Registry; effects: RegistryEffect[] } {
  const effects: RegistryEffect[] = [];
  if (event.type === 'tick') {
    for (const [gateway, holding] of registry.gateways) {
      if (holding.probe === undefined || now - holding.probe.askedAt < registry.probeTimeoutMs) continue;
      effects.push({
        type: 'replace',
        connection: holding.holder.connection,
        code: 'duplicate-instance',
        message: `gave no sign of life for ${registry.probeTimeoutMs} ms when ${named(holding.probe.challenger)} asked for ${gateway}`,
      });
      succeed(holding, effects);
    }
    return { state: registry, effects };
  }
  const holding = registry.gateways.get(event.gateway);
  if (event.type === 'claim') claim(registry, event.gateway, event.claim, holding, now, effects);
  else if (holding !== undefined) signOfLife(registry, event, holding, now, effects);
  return { state: registry, effects };
}

function claim(
  registry: Registry,
  gateway: string,
  newcomer: Claim,
  holding: Holding | undefined,
  now: number,
  out: RegistryEffect[],
): void {
  if (holding === undefined) {
    registry.gateways.set(gateway, { holder: newcomer, probe: undefined });
    out.push({ type: 'admit', connection: newcomer.connection });
  } else if (holding.holder.instance === newcomer.instance) {
    out.push({ type: 'replace', connection: holding.holder.connection, ...RECONNECTED });
    holding.holder = newcomer;
    out.push({ type: 'admit', connection: newcomer.connection });
    if (holding.probe !== undefined) refuseChallenger(registry, gateway, holding, now, out);
  } else if (holding.probe === undefined) {
    holding.probe = { challenger: newcomer, askedAt: now, looksWithBytes: 0 };
    out.push({ type: 'probe', connection: holding.holder.connection });
  } else if (holding.probe.challenger.instance === newcomer.instance) {
    out.push({ type: 'replace', connection: holding.probe.challenger.connection, ...RECONNECTED });
    holding.probe.challenger = newcomer;
  } else {
    refuse(registry, gateway, holding.holder, newcomer, now, out);
  }
}

function signOfLife(
  registry: Registry,
  event: Exclude<RegistryEvent, { type: 'claim' | 'tick' }>,
  holding: Holding,
  now: number,
  out: RegistryEffect[],
): void {
  const { holder, probe } = holding;
  if (event.type === 'gone') {
    if (probe?.challenger.connection === event.connection) holding.probe = undefined;
    if (holder.connection !== event.connection) return;
    if (holding.probe !== undefined) succeed(holding, out);
    else registry.gateways.delete(event.gateway);
    return;
  }
  if (probe === undefined || holder.connection !== event.connection) return;
  if (event.type === 'seen' && now - probe.askedAt >= SETTLED_AFTER_MS) probe.looksWithBytes++;
  if (event.type === 'answered' || probe.looksWithBytes >= LOOKS_WITH_BYTES) {
    refuseChallenger(registry, event.gateway, holding, now, out);
  }
}

/** The challenger takes the name. */
function succeed(holding: Holding, out: RegistryEffect[]): void {
  if (holding.probe === undefined) return;
  holding.holder = holding.probe.challenger;
  holding.probe = undefined;
  out.push({ type: 'admit', connection: holding.holder.connection });
}

function refuseChallenger(
  registry: Registry,
  gateway: string,
  holding: Holding,
  now: number,
  out: RegistryEffect[],
): void {
  if (holding.probe === undefined) return;
  refuse(registry, gateway, holding.holder, holding.probe.challenger, now, out);
  holding.probe = undefined;
}

function refuse(
  registry: Registry,
  gateway: string,
  holder: Claim,
  refused: Claim,
  now: number,
  out: RegistryEffect[],
): void {
  const { instance, remote } = holder;
  const known = registry.duplicates.get(gateway);
  registry.duplicates.set(gateway, {
    gateway,
    holder: { instance, remote },
    refused: { instance: refused.instance, remote: refused.remote },
    firstAt: known?.firstAt ?? now,
    lastAt: now,
    count: (known?.count ?? 0) + 1,
  });
  out.push({
    type: 'refuse',
    connection: refused.connection,
    message: `gateway ${gateway} is connected already: ${named(holder)} is live, ${named(refused)} is refused; two processes run under one name (a cloned card?)`,
  });
}

const named = (claim: Claim) => `instance ${claim.instance} at ${claim.remote}`;
