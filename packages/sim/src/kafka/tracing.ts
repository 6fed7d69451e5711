import type { HubPort, SyncLog } from '@edgelog/sync';

export type Tell = (who: string, what: string, fields?: unknown) => void;

/** A sink whose answers to a gateway are told. */
export function tracedHub(hub: HubPort, gateway: string, tell: Tell): HubPort {
  return {
    hubId: hub.hubId,
    openRun: async (name, info, acked) => {
      tell(gateway, 'opens', { acked: acked?.next });
      const opened = await hub.openRun(name, info, acked);
      tell(gateway, opened.ok ? `is at ${opened.position?.next}` : `is refused: ${opened.message}`);
      return opened;
    },
    append: (producerId, batch) => {
      const answer = hub.append(producerId, batch);
      if (!answer.ok) tell(gateway, `is refused: ${answer.message}`);
      else {
        void answer.committed.then((outcome) => {
          if (!('ok' in outcome)) tell(gateway, `is acknowledged up to ${outcome.next}`);
          else tell(gateway, `is not acknowledged: ${outcome.message}`);
        });
      }
      return answer;
    },
    recordGap: (name, gap) => hub.recordGap(name, gap),
  };
}

/** What a process logs, told. */
export function tracedLog(process: string, tell: Tell): SyncLog {
  const line = (message: string, fields?: Record<string, unknown>) => tell(process, message, fields);
  return { debug: line, info: line, warn: line, error: line };
}
