import { statSync } from 'node:fs';
import { type Alarms, GatewayClock } from '@edgelog/edge';
import type { Logger } from '@edgelog/runtime';

export interface ClockWatchOptions {
  wallMs: () => number;
  monotonicMs: () => number;
  trustSystem: boolean;
  alarms: Alarms;
  log: Logger;
  /** systemd-timesyncd touches it at each synchronisation [systemd-timesyncd.service(8)]. */
  synchronizedFile?: string;
  /** Why there is no session with a hub, as the uplink says it. */
  uplinkError: () => string | undefined;
}

export interface ClockWatch {
  readonly clock: GatewayClock;
  stop(): void;
}

const SYNCHRONIZED_FILE = '/run/systemd/timesync/synchronized';
const LOOK_MS = 2000;
const HUB_ALARM = 'clock differs from the hub';
const CERTIFICATE_ALARM = 'clock and certificate';
/** What OpenSSL says of a certificate whose dates do not fit the system's clock. */
const DATE_FAULT = /certificate (has expired|is not yet valid)|CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/i;

/** The gateway's clock with what feeds it on this machine. The hub's time comes from the uplink's welcome. */
export function watchClock(options: ClockWatchOptions): ClockWatch {
  const { wallMs, monotonicMs, trustSystem, alarms, log, uplinkError } = options;
  const { synchronizedFile = SYNCHRONIZED_FILE } = options;
  const clock: GatewayClock = new GatewayClock({
    wallMs,
    monotonicMs,
    trustSystem,
    onJump: (byMs) => log.warn("the system's clock jumped", { byMs, ...shown(clock) }),
    onHubCompared: (byMs) => {
      if (byMs === undefined) alarms.clear(HUB_ALARM);
      else
        alarms.raise(
          HUB_ALARM,
          `the hub's clock is ${Math.round(byMs / 1000)} s ahead of this gateway's, which the system says is synchronised: one of them is wrong`,
        );
    },
  });
  let wasTrusted = clock.isTrusted;
  const look = () => {
    clock.now();
    const atMs = modifiedAt(synchronizedFile);
    if (atMs !== undefined) clock.onSystemSynchronized(atMs);
    if (clock.isTrusted && !wasTrusted) log.info('the clock is trusted', shown(clock));
    wasTrusted = clock.isTrusted;
    tellCertificate(uplinkError(), clock, alarms);
  };
  look();
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return { clock, stop: () => clearInterval(timer) };
}

/**
 * The validity of the hub's certificate is never waived: OpenSSL tells one fault of a chain, and of a certificate that nobody
 * vouches for it says that its date is wrong. So the way out is a right clock, and the alarm says that it is the clock.
 */
export function tellCertificate(
  error: string | undefined,
  clock: GatewayClock,
  alarms: Pick<Alarms, 'raise' | 'clear'>,
): void {
  if (error === undefined || !DATE_FAULT.test(error)) {
    alarms.clear(CERTIFICATE_ALARM);
    return;
  }
  const { system, trusted, source } = clock.status();
  const advice =
    trusted && source === 'system'
      ? 'the clock is synchronised, so it is the certificate that must be renewed'
      : 'nothing confirms that clock: set it (NTP, an RTC, or date -s) before the certificate is blamed';
  alarms.raise(
    CERTIFICATE_ALARM,
    `the hub's certificate is not valid at the time of this gateway's clock, ${system.slice(0, 16)}Z (${error}); ${advice}. Readings are kept meanwhile`,
  );
}

function shown(clock: GatewayClock) {
  const { time, system, source } = clock.status();
  return { time, system, source };
}

function modifiedAt(file: string): number | undefined {
  try {
    return statSync(file).mtimeMs;
  } catch {
    return undefined; // no such file: the system does not tell
  }
}
