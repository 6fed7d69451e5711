import { FAULT_KINDS, type FaultKind } from '@edgelog/devices/profiles/decoder.ts';
import type { Counter, Metrics } from '@edgelog/runtime';

/** What one line counts; kept over reopenings. */
export interface SerialCounters {
  bytes: Counter;
  /** Readings taken. */
  frames: Counter;
  overlong: Counter;
  /** Readings the log did not take: disk full, store failed. */
  refused: Counter;
  opened: Counter;
  /** Times that the line was opened anew because it was silent. */
  silences: Counter;
  faults: Readonly<Record<FaultKind, Counter>>;
}

export function serialCounters(metrics: Metrics, port: string): SerialCounters {
  const labels = { port };
  const counter = (name: string, help: string) =>
    metrics.counter(`edgelog_serial_${name}_total`, help, labels);
  const fault = (kind: FaultKind) =>
    metrics.counter('edgelog_serial_faults_total', 'What went wrong on serial lines, by kind.', {
      port,
      kind,
    });
  return {
    bytes: counter('bytes', 'Bytes read from serial lines.'),
    frames: counter('frames', 'Readings taken from serial lines.'),
    overlong: counter('overlong', 'Serial frames over the limit, dropped.'),
    refused: counter('refused', 'Readings of serial lines that the log did not take.'),
    opened: counter('opened', 'Times that a serial line was opened.'),
    silences: counter('silences', 'Times that a serial line was opened anew because it was silent.'),
    faults: Object.fromEntries(FAULT_KINDS.map((kind) => [kind, fault(kind)])) as Record<FaultKind, Counter>,
  };
}
