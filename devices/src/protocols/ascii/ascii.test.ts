import { expect, test } from 'vitest';
import { LINE_9600, TestLine } from '../testing.ts';
import { asciiListener } from './ascii.ts';

test('lines that the profile passes over are no unreadable line: they were understood', () => {
  const line = new TestLine(
    asciiListener({
      profile: 'test',
      line: LINE_9600,
      format: { kind: 'pairs', separator: ';' },
      fields: [],
      maxBytes: 100,
      ignore: ['#'],
    }),
  );
  line.after(0, Buffer.from('# waiting for the door\r\n\r\n\xf3\x80\r\ndoor=1\r\n', 'latin1'));
  line.run(1);
  expect([line.leftOut, line.faults, line.values]).toEqual([1, ['framing'], [{ door: 1 }]]);
});
