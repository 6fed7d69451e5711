import { parsePort, portsOf } from '@edgelog/agent/serial/port-spec.ts';
import { listPorts } from '@edgelog/agent/serial/ports.ts';
import { EdgelogError } from '@edgelog/base';
import { withoutControls } from '@edgelog/runtime';
import { onInterrupt } from '../progress.ts';
import { printJson } from '../table.ts';
import { type Guess, LIKELY } from './judge.ts';
import { openListener } from './listener.ts';
import { BAUD_RATES, describeGuess, probe } from './probe.ts';
import { lineName } from './sample.ts';
import { settingOf, toYaml } from './setting-yaml.ts';

export interface ProbeCommandOptions {
  port: string | undefined;
  seconds: number;
  baudRate: readonly number[];
  json: boolean;
}

const SILENT =
  'Nothing was heard. Either the instrument is silent until it is asked (Modbus, M-Bus, IEC 62056-21: give the port a\n' +
  'profile), or it speaks less often (--seconds 60), or the wires are swapped.\n';
const UNCLEAR =
  'Bytes came, but at no speed did they make sense. Look into the manual for speed and parity; --seconds 30 hears more.\n';

/** Listens, tells what was heard, prints the YAML for it. Status 0 if there is a likely guess, else 1. */
export async function probeCommand({ port, seconds, baudRate, json }: ProbeCommandOptions): Promise<number> {
  const path = choosePort(port);
  const rates = baudRate.length > 0 ? baudRate : BAUD_RATES;
  const stop = new AbortController();
  const release = onInterrupt(() => stop.abort());
  const listener = openListener(path);
  const tell = (text: string) => process.stderr.write(`edgelog: ${text}\n`);
  try {
    tell(`listening on ${path}, ${seconds} s for each speed; Ctrl-C ends with what was heard so far`);
    const guesses = await probe({
      listen: listener.listen,
      baudRates: rates,
      listenMs: seconds * 1000,
      signal: stop.signal,
      onTry: (line) => tell(`${lineName(line)} …`),
      onGuess: (guess) => tell(describeGuess(guess)),
    });
    const [best] = guesses;
    const likely = best !== undefined && best.score >= LIKELY ? best : undefined;
    if (json) printJson({ port: path, setting: likely ? settingOf(path, likely) : null, guesses });
    else report(path, likely, best);
    return likely === undefined ? 1 : 0;
  } finally {
    release();
    await listener.close();
  }
}

function report(path: string, likely: Guess | undefined, best: Guess | undefined): void {
  if (likely === undefined) {
    process.stderr.write(best === undefined || best.bytes === 0 ? SILENT : UNCLEAR);
    return;
  }
  const examples = likely.examples.map((one) => `#   ${withoutControls(one)}\n`).join('');
  process.stdout.write(`# ${describeGuess(likely)}\n${examples}${toYaml(settingOf(path, likely))}`);
}

/** The port that is meant; without a name the only one there is. Throws CONFIG_INVALID naming those there are. */
function choosePort(port: string | undefined): string {
  const spec = port === undefined ? undefined : parsePort(port);
  if (port !== undefined && spec === undefined) {
    throw new EdgelogError('CONFIG_INVALID', `${JSON.stringify(port)} is no port; see edgelog serial list`);
  }
  const found = spec ? portsOf(spec) : listPorts().map(({ path, byId }) => byId[0] ?? path);
  if (found.length === 1) return found[0]!;
  const which = port === undefined ? 'on this machine' : `that is ${port}`;
  throw new EdgelogError(
    'CONFIG_INVALID',
    found.length === 0
      ? `there is no serial port ${which}`
      : `there are several serial ports ${which}; name one: ${found.join(', ')}`,
  );
}
