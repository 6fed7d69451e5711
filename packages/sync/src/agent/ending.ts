import type { RefusalCode } from '../ports.ts';
import type { AgentEffect, Retry } from './events.ts';
import type { AgentSession } from './state.ts';

/** Ends the session from this side. */
export function end(
  session: AgentSession,
  out: AgentEffect[],
  retry: Retry,
  code: RefusalCode,
  message: string,
): void {
  session.phase = 'ended';
  out.push({ type: 'end', retry, code, message });
}
