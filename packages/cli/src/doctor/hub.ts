import { randomUUID } from 'node:crypto';
import type { AgentSettings } from '@edgelog/agent';
import { proxyFor, withoutCredentials } from '@edgelog/agent/uplink/proxy.ts';
import { routeTo } from '@edgelog/agent/uplink/route.ts';
import { silentLogger } from '@edgelog/runtime';
import { startUplink, type UplinkStatus } from '@edgelog/sync';
import { type Finding, ok, problem, tryTo } from './finding.ts';
import { addressesOf, tcpMs } from './network.ts';

type HubAccess = Pick<AgentSettings, 'uplinkProxy' | 'hubCa' | 'hubCert' | 'hubKey'>;

/** One name for whoever asks: each name that a hub ever saw is kept there. */
const GATEWAY = 'edgelog-doctor';
const CLOCKS_DIFFER_MS = 5_000;

/** Goes the way of an agent to an Edgelog hub, up to its welcome; sends nothing. */
export async function* hubChecks(url: string, access: HubAccess, timeoutMs: number): AsyncGenerator<Finding> {
  const { hostname, port, protocol } = new URL(url);
  const about = `hub ${url}`;
  const proxy = proxyFor(url, access.uplinkProxy, process.env);
  if (proxy === undefined) {
    const host = hostname.replace(/^\[|\]$/g, '');
    const address = { host, port: Number(port || (protocol === 'wss:' ? 443 : 80)) };
    const name = await tryTo(about, () => addressesOf(host));
    if ('fault' in name) return yield name.fault;
    const tcp = await tryTo(about, () => tcpMs(address, timeoutMs));
    if ('fault' in tcp) return yield tcp.fault;
    yield ok(about, `${name.result.join(', ')} answers in ${tcp.result.toFixed(1)} ms`);
  } else yield ok(about, `goes through the proxy ${withoutCredentials(proxy)}`);
  const session = await tryTo(about, () => firstWord(url, access, timeoutMs));
  if ('fault' in session) return yield session.fault;
  yield* sessionFindings(about, session.result);
}

function* sessionFindings(about: string, status: UplinkStatus): Generator<Finding> {
  const { state, hubId, roundTripMs = 0, hubClockOffsetMs = 0, refusal, lastError } = status;
  if (refusal !== undefined) {
    if (refusal.code === 'duplicate-instance')
      yield ok(about, 'speaks the sync protocol; another doctor is there too');
    else yield problem(about, `refuses: ${refusal.message}`);
    return;
  }
  if (state !== 'live') {
    yield problem(
      about,
      lastError ?? 'does not answer',
      'is it the port of --sync, and a WebSocket let through?',
    );
    return;
  }
  yield ok(about, `welcomes gateways: ${hubId}, ${roundTripMs.toFixed(1)} ms there and back`);
  if (Math.abs(hubClockOffsetMs) < CLOCKS_DIFFER_MS) return;
  const seconds = Math.round(hubClockOffsetMs / 1000);
  yield {
    about,
    level: 'warning',
    says: `its clock is ${seconds} s ahead of this machine's`,
    advice: 'one of them is wrong: set it (NTP), or readings get wrong times',
  };
}

/** The uplink's state once it has come to something. */
async function firstWord(url: string, access: HubAccess, timeoutMs: number): Promise<UplinkStatus> {
  const uplink = startUplink({
    urls: [url],
    log: silentLogger,
    port: {
      identity: { gateway: GATEWAY, instance: randomUUID(), version: '0.1.0' },
      streams: () => [],
      unconfirmedGaps: () => [],
      gapConfirmed: () => {},
    },
    route: (to) => routeTo(to, access),
    tuning: { connectTimeoutMs: timeoutMs },
  });
  try {
    for (;;) {
      const status = uplink.status();
      if (status.state === 'live' || status.refusal !== undefined || status.lastError !== undefined)
        return status;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  } finally {
    await uplink.stop();
  }
}
