/** What simulated parts need of time; the virtual scheduler and the real timers both give it. */
export interface Clock {
  now(): number;
  after(delayMs: number, action: () => void): void;
}

export const realClock: Clock = {
  now: Date.now,
  after: (delayMs, action) => {
    setTimeout(action, delayMs);
  },
};
