import { setTimeout as delay } from 'node:timers/promises';

const REFUSED_IN_A_ROW = 5;
const RETRY_MS = 100;
const READINGS_MAX = 1000;

/** Sends readings until the disk is full. Answers how many were taken. Behind a slow disk one may be refused for what is still on its way there. */
export async function fillDisk(isTaken: () => Promise<boolean>): Promise<number> {
  let taken = 0;
  for (let refused = 0; taken < READINGS_MAX && refused < REFUSED_IN_A_ROW; ) {
    if (await isTaken()) {
      taken++;
      refused = 0;
    } else {
      refused++;
      await delay(RETRY_MS);
    }
  }
  return taken;
}
