import type { WhatHappened } from './checker.ts';
import type { HubStore } from './hub-store.ts';
import type { Prng } from './prng.ts';
import type { HubProcess } from './processes.ts';
import type { Scheduler } from './scheduler.ts';

const DOWN_MS_MAX = 5_000;

/** What befalls the one hub of a world and its disk. */
export class HubFate {
  readonly #hub: HubProcess<HubStore>;
  readonly #scheduler: Scheduler;
  readonly #happened: WhatHappened;
  #backup: { disk: ReturnType<HubStore['backup']>; takenAt: number };
  #diskTouchedAt = 0;

  constructor(hub: HubProcess<HubStore>, scheduler: Scheduler, happened: WhatHappened) {
    this.#hub = hub;
    this.#scheduler = scheduler;
    this.#happened = happened;
    this.#backup = { disk: hub.store.backup(), takenAt: scheduler.now() };
  }

  takeBackup(): void {
    this.#backup = { disk: this.#hub.store.backup(), takenAt: this.#scheduler.now() };
  }

  /** kill -9; it is up again within seconds. */
  kill(prng: Prng): void {
    if (!this.#hub.up) return;
    this.#hub.kill();
    this.#scheduler.after(prng.between(0, DOWN_MS_MAX), () => {
      if (!this.#hub.up) this.#hub.start();
    });
  }

  wipe(prng: Prng): void {
    this.#touchDisk(prng);
    this.#hub.store.restore();
  }

  restore(prng: Prng): void {
    const { disk, takenAt } = this.#backup;
    // Data that was lost, and replaced under other runs, rises from the dead.
    if (this.#diskTouchedAt > takenAt) this.#happened.timelinesFork = true;
    this.#touchDisk(prng);
    this.#hub.store.restore(disk);
  }

  #touchDisk(prng: Prng): void {
    this.#happened.mayDiverge = true;
    this.#happened.hubLostData = true;
    this.#diskTouchedAt = this.#scheduler.now();
    this.kill(prng);
  }
}
