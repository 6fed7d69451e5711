import { type Client, CODECS, type Codec } from './clients.ts';

/** How one check ended; `unserved` names the API that the hub does not have, `none` that the client cannot do it. */
export type Outcome =
  | { kind: 'ok' }
  | { kind: 'failed'; reason: string }
  | { kind: 'unserved'; api: number }
  | { kind: 'none' };

/** All outcomes of one client, by the name of the check. */
export interface Results {
  version: string;
  outcomes: Map<string, Outcome>;
}

const WORDS = { ok: 'yes', failed: '**FAILED**', none: '–' } as const;

export const word = (outcome: Outcome | undefined): string =>
  outcome === undefined
    ? '**not run**'
    : outcome.kind === 'unserved'
      ? `not served (API ${outcome.api})`
      : WORDS[outcome.kind];

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** `all five` when every codec was well, otherwise each codec that was, and the others with what happened. */
function codecCell(outcomes: Results['outcomes'], verb: 'write' | 'read'): string {
  const of = (codec: Codec) => outcomes.get(`${verb} ${codec}`);
  if (CODECS.every((codec) => of(codec)?.kind === 'ok')) return 'all five';
  return CODECS.map((codec) => (of(codec)?.kind === 'ok' ? codec : `${codec}: ${word(of(codec))}`)).join(
    ', ',
  );
}

/** One row for each client. */
export function clientTable(results: ReadonlyMap<Client, Results>): string {
  const lines = [
    row([
      'client',
      'version',
      'creates, deletes topics',
      'writes codecs',
      'reads what all wrote',
      'classic group',
      'KIP-848 group',
      'seeks by time',
    ]),
    row(Array.from({ length: 8 }, () => '---')),
  ];
  for (const [client, { version, outcomes }] of results)
    lines.push(
      row([
        client.name,
        version,
        word(outcomes.get('topics')),
        codecCell(outcomes, 'write'),
        codecCell(outcomes, 'read'),
        word(outcomes.get('group classic')),
        word(outcomes.get('group consumer')),
        word(outcomes.get('seek')),
      ]),
    );
  return lines.join('\n');
}

/** One row for each client that used a cluster while a broker was killed. */
export function failoverTable(rows: ReadonlyMap<Client, readonly string[]>): string {
  const head = [
    'client',
    'version',
    'produces and reads through it',
    'records, each once',
    'read again by the member',
  ];
  return [
    row(head),
    row(head.map(() => '---')),
    ...[...rows].map(([client, cells]) => row([client.name, ...cells])),
  ].join('\n');
}

export function toolTable(outcomes: ReadonlyMap<string, Outcome>): string {
  const rows = [...outcomes].map(([name, outcome]) => row([name, word(outcome)]));
  return [row(["Kafka's tool", 'works']), row(['---', '---']), ...rows].join('\n');
}
