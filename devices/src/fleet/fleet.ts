import { type Address, formatAddress, type Logger } from '@edgelog/runtime';
import { createRandom } from '../random.ts';
import { Device } from './device.ts';
import { Link, type Qos } from './link.ts';
import { type OutagePlan, OutageSchedule } from './outage.ts';

export interface FleetOptions {
  readonly mqtt: Address;
  readonly devices: number;
  /** Readings per second and device; 0 is as fast as acknowledgements come back. */
  readonly rate: number;
  /** Readings of the whole fleet, after which it ends. */
  readonly count: number | undefined;
  readonly qos: Qos;
  readonly outage: OutagePlan | undefined;
  readonly seed: string | number;
  readonly site: string;
  readonly windowSize: number;
  readonly log: Logger;
}

export interface FleetStatus {
  readonly devices: number;
  readonly connected: number;
  /** Readings handed to MQTT, and those acknowledged (QoS 0: written to the socket). */
  readonly sent: number;
  readonly acked: number;
  /** Readings that QoS 0 lost on the way out. */
  readonly lost: number;
  readonly ackLatencyMaxMs: number;
}

const TICK_MS = 20;
/** A device that is cut off keeps so many readings, then stops measuring until it is back. */
const UNSENT_MAX = 10_000;

interface Member {
  readonly device: Device;
  readonly link: Link;
  readonly outages: OutageSchedule | undefined;
  /** How many readings this device takes in all. */
  readonly quota: number;
  /** When reading 0 is due; devices do not measure in step. */
  startsAtMs: number;
  isWoken: boolean;
}

/** Simulated devices that publish numbered readings over MQTT, each on its own connection. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #members: Member[];
  readonly #timer: NodeJS.Timeout;
  readonly #finished = Promise.withResolvers<void>();
  #sent = 0;
  #acked = 0;
  #lost = 0;
  #ackLatencyMaxMs = 0;
  #isClosed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    const boot = Date.now().toString(36);
    this.#members = Array.from({ length: options.devices }, (_, index) => this.#createMember(index, boot));
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Resolves when each of `count` readings is acknowledged or lost. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  status(): FleetStatus {
    const status = {
      devices: this.#members.length,
      connected: this.#members.filter(({ link }) => link.isUp).length,
      sent: this.#sent,
      acked: this.#acked,
      lost: this.#lost,
      ackLatencyMaxMs: Math.round(this.#ackLatencyMaxMs * 10) / 10,
    };
    this.#ackLatencyMaxMs = 0;
    return status;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await Promise.all(this.#members.map(({ link }) => link.close()));
  }

  #createMember(index: number, boot: string): Member {
    const { devices, count, rate, seed, outage, log, mqtt, qos, windowSize, site } = this.#options;
    const device = new Device(index, { site, boot, seed });
    const random = createRandom(`${seed}/${device.name}/network`);
    const link = new Link({
      address: mqtt,
      clientId: device.name,
      qos,
      windowSize,
      onAcknowledged: (latencyMs) => {
        this.#acked += 1;
        if (latencyMs > this.#ackLatencyMaxMs) this.#ackLatencyMaxMs = latencyMs;
        this.#onSettled(member);
      },
      onLost: () => {
        this.#lost += 1;
        this.#onSettled(member);
      },
      onTrouble: (reason) =>
        log.warn('no MQTT connection', { device: device.name, mqtt: formatAddress(mqtt), reason }),
    });
    const member: Member = {
      device,
      link,
      outages: outage && new OutageSchedule(outage, random),
      quota: count === undefined ? Infinity : Math.floor(count / devices) + (index < count % devices ? 1 : 0),
      startsAtMs: Date.now() + (rate > 0 ? random.uniform() * Math.min(1_000, 1_000 / rate) : 0),
      isWoken: false,
    };
    return member;
  }

  #onSettled(member: Member): void {
    const { count, rate } = this.#options;
    if (this.#acked + this.#lost === count) this.#finished.resolve();
    else if (rate === 0 && !member.isWoken) {
      member.isWoken = true;
      setImmediate(() => {
        member.isWoken = false;
        this.#sendDue(member, Date.now());
      });
    }
  }

  #tick(): void {
    const now = Date.now();
    for (const member of this.#members) {
      if (member.outages) member.link.setOut(member.outages.isOutAt(now));
      this.#sendDue(member, now);
    }
  }

  #sendDue(member: Member, now: number): void {
    const { rate, windowSize } = this.#options;
    const { device, link, quota } = member;
    const intervalMs = rate > 0 ? 1_000 / rate : 0;
    // What is overdue is what the device keeps; beyond its memory it does not measure.
    const oldestKeptMs = now - UNSENT_MAX * intervalMs;
    const dueAt = () => member.startsAtMs + device.readings * intervalMs;
    if (rate > 0 && dueAt() < oldestKeptMs) member.startsAtMs += oldestKeptMs - dueAt();
    // QoS 0 settles at once and never fills the window.
    for (let n = 0; n < windowSize && !this.#isClosed && link.canSend && device.readings < quota; n++) {
      const timeMs = rate > 0 ? dueAt() : now;
      if (timeMs > now) return;
      this.#sent += 1;
      link.send(device.read(timeMs));
    }
  }
}
