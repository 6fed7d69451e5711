/** Distinct readings that devices might send, each of exactly so many bytes; a constant payload would compress to nothing. */
export function readings(count: number, bytes: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const swing = Math.sin(index / 40) * 4 + Math.sin(index * 12.9898) * 0.3;
    const text = JSON.stringify({
      time: 1_790_000_000_000 + index * 997,
      seq: index,
      temperature: Number((21 + swing).toFixed(3)),
      humidity: Number((48 - swing * 2).toFixed(2)),
      battery: Number((3.3 - index / 9_000).toFixed(3)),
    });
    return Buffer.from(text.padEnd(bytes).slice(0, bytes));
  });
}
