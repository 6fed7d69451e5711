import { expect, test } from 'vitest';
import { FrameWriter } from './frame-writer.ts';

test('batches that lie back to back are one view, others keep their own', () => {
  const memory = Buffer.from('abcdefghij');
  const writer = new FrameWriter();
  writer.begin(1);
  const parts = [memory.subarray(0, 2), memory.subarray(2, 5), memory.subarray(6, 8), Buffer.from('xy')];
  writer.at = writer.records(writer.at, parts);
  expect(writer.sizeBytes).toBe(9);
  expect(writer.finish().map(String)).toEqual(['abcde', 'gh', 'xy']);
});
