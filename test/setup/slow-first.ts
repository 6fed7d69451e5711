import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Short files that take long: vitest goes by size where it knows no durations. */
const SLOW = ['test/chaos/chaos.test.ts', 'test/soak/gateway/soak.test.ts', 'test/e2e/crash.test.ts'];

/** The order of the files: what takes long is not begun last, when there is nothing left to run beside it. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isSlow = ({ moduleId }: TestSpecification) => SLOW.some((path) => moduleId.endsWith(`/${path}`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}
