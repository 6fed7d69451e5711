export interface Uart {
  baudRate: number;
  dataBits: 7 | 8;
  parity: 'none' | 'even' | 'odd';
  stopBits: 1 | 2;
}

/** A run of one level: `isHigh` until `untilUs`. The line is high while nobody sends. */
export interface Level {
  isHigh: boolean;
  untilUs: number;
}

/** The voltage of a line over time while bursts are sent: what a UART puts on the wire. */
export function transmit(bursts: readonly { atMs: number; bytes: Buffer }[], uart: Uart): Level[] {
  const bitUs = 1e6 / uart.baudRate;
  const levels: Level[] = [];
  let nowUs = 0;
  const hold = (isHigh: boolean, us: number) => {
    nowUs += us;
    const last = levels.at(-1);
    if (last?.isHigh === isHigh) last.untilUs = nowUs;
    else levels.push({ isHigh, untilUs: nowUs });
  };
  for (const { atMs, bytes } of bursts) {
    hold(true, Math.max(0, atMs * 1000 - nowUs));
    for (const byte of bytes) {
      hold(false, bitUs);
      let ones = 0;
      for (let bit = 0; bit < uart.dataBits; bit++) {
        const isOne = ((byte >> bit) & 1) === 1;
        if (isOne) ones += 1;
        hold(isOne, bitUs);
      }
      if (uart.parity !== 'none') hold((ones % 2 === 1) === (uart.parity === 'even'), bitUs);
      hold(true, bitUs * uart.stopBits);
    }
  }
  hold(true, 50_000);
  return levels;
}

/** What another UART makes of it: each byte with its time; bytes with a wrong stop or parity bit are dropped, as Linux does. */
export function receive(levels: readonly Level[], uart: Uart): { atMs: number; bytes: Buffer }[] {
  const bitUs = 1e6 / uart.baudRate;
  const endUs = levels.at(-1)?.untilUs ?? 0;
  let index = 0;
  const isHighAt = (us: number) => {
    while (index < levels.length - 1 && levels[index]!.untilUs <= us) index += 1;
    return levels[index]!.isHigh;
  };
  const received: { atMs: number; bytes: Buffer }[] = [];
  let us = 0;
  while (us < endUs) {
    if (isHighAt(us)) {
      us = levels[index]!.untilUs;
      continue;
    }
    // The edge of a start bit; bits are sampled in their middle.
    let byte = 0;
    let ones = 0;
    for (let bit = 0; bit < uart.dataBits; bit++) {
      if (!isHighAt(us + (1.5 + bit) * bitUs)) continue;
      byte |= 1 << bit;
      ones += 1;
    }
    let bits = 1 + uart.dataBits;
    let isWhole = true;
    if (uart.parity !== 'none') {
      isWhole = isHighAt(us + (bits + 0.5) * bitUs) === ((ones % 2 === 1) === (uart.parity === 'even'));
      bits += 1;
    }
    us += (bits + 0.5) * bitUs;
    if (isHighAt(us) && isWhole) received.push({ atMs: us / 1000, bytes: Buffer.of(byte) });
    // After a broken stop bit the line has to go high before a start bit can be seen.
    while (us < endUs && !isHighAt(us)) us = levels[index]!.untilUs;
  }
  return received;
}
