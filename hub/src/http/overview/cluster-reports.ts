import { formatAddress, parseAddress } from '@edgelog/runtime';
import { isUnspecified } from '../../settings.ts';
import { type ReportQuery, reportParameters } from './query.ts';
import { type BrokerReport, brokerReport } from './report-schema.ts';

/** Another broker, where it serves operators. */
export interface Reporter {
  readonly id: number;
  /** HOST:PORT as it registered them. */
  readonly http: string;
  readonly kafka: string;
}

/** A report, or why there is none. */
export type Reported = { readonly report: BrokerReport } | { readonly fault: string };

/** However many look at the pages of all brokers, each broker is asked this often for the same. */
const FRESH_MS = 2_000;
const TIMEOUT_MS = 1_000;
const BYTES_MAX = 8 * 2 ** 20;
/** Different questions remembered. */
const CACHED_MAX = 200;

/** Asks other brokers over HTTP for what they alone know. */
export class ClusterReports {
  readonly #now: () => number;
  readonly #timeoutMs: number;
  readonly #cache = new Map<string, { readonly askedAtMs: number; readonly reported: Promise<Reported> }>();

  constructor(now: () => number = performance.now.bind(performance), timeoutMs = TIMEOUT_MS) {
    this.#now = now;
    this.#timeoutMs = timeoutMs;
  }

  /** Never rejects. */
  of(broker: Reporter, query: ReportQuery): Promise<Reported> {
    const url = `http://${httpAddress(broker)}/report?${reportParameters(query)}`;
    const known = this.#cache.get(url);
    if (known !== undefined && this.#now() - known.askedAtMs < FRESH_MS) return known.reported;
    const reported = ask(url, broker.id, this.#timeoutMs);
    this.#cache.delete(url);
    this.#cache.set(url, { askedAtMs: this.#now(), reported });
    if (this.#cache.size > CACHED_MAX) this.#cache.delete(this.#cache.keys().next().value!);
    return reported;
  }
}

/** A broker that serves on all addresses of its machine is reached under the name that its clients use. */
function httpAddress({ http, kafka }: Reporter): string {
  const { host, port } = parseAddress(http);
  return formatAddress({ host: isUnspecified(host) ? parseAddress(kafka).host : host, port });
}

async function ask(url: string, id: number, timeoutMs: number): Promise<Reported> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' });
    if (!response.ok) return { fault: `its page answers ${response.status}` };
    const report = brokerReport.parse(JSON.parse(await textOf(response)));
    return report.nodeId === id ? { report } : { fault: `broker ${report.nodeId} answers at its address` };
  } catch (error) {
    return { fault: faultOf(error, timeoutMs) };
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > BYTES_MAX) throw new Error(`its report is larger than ${BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function faultOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no report in ${timeoutMs} ms`;
  if (error.name === 'ZodError') return 'its report is of another version';
  const { cause } = error;
  return cause instanceof Error ? `no report: ${cause.message}` : error.message;
}
