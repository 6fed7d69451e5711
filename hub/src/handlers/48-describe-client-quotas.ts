import { ErrorCode } from '@edgelog/wire';
import type { Handler } from './handler.ts';

/**
 * DescribeClientQuotas: none are set, and none can be: whatever the filter, nothing matches it. Filters that Kafka refuses
 * (unknown kinds of entity or of match) are not looked at.
 */
export const describeClientQuotas: Handler<'describeClientQuotas'> = () => ({
  errorCode: ErrorCode.NONE,
  errorMessage: null,
  entries: [],
});
