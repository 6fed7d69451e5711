import { expect, test, vi } from 'vitest';
import { MemoryBudget } from './memory-budget.ts';

test('resumes whoever waits once, and only when there is room', async () => {
  const budget = new MemoryBudget(100);
  const resume = vi.fn();
  const gone = vi.fn();
  budget.hold(150);
  expect(budget.isExceeded).toBe(true);
  expect(budget.remainingBytes).toBe(0);
  budget.whenRelieved(resume);
  budget.whenRelieved(resume);
  budget.whenRelieved(gone);
  budget.forget(gone);
  budget.release(50);
  await new Promise(setImmediate);
  expect(resume).not.toHaveBeenCalled();
  budget.release(1);
  budget.release(1);
  await new Promise(setImmediate);
  expect(resume).toHaveBeenCalledOnce();
  expect(gone).not.toHaveBeenCalled();
});
