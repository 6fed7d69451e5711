import { rmSync } from 'node:fs';
import { freePorts } from '../../harness/ports.ts';
import { edgelog, type TestProcess } from '../../harness/process.ts';
import { sleep, until } from '../../harness/wait.ts';
import { type BenchOptions, printTable } from '../report.ts';
import { scratchDir } from '../scratch.ts';
import { startAgent, startHub } from './peers.ts';

const DEVICES = 100;
/** At scale 1. */
const SECONDS = 60;
const RATES = [1, 10];

interface AgentStatus {
  streams: { endOffset: number; ackedOffset: number }[];
  uplink: { sentBytes: number };
  mqtt: { payloadBytes: number };
}

/** Bytes of sealed batches for each reading of the simulated plant, while the uplink is up all the time. */
export async function benchUplinkBytes({ scale }: BenchOptions): Promise<void> {
  const rows: string[][] = [];
  for (const rate of RATES) rows.push([String(rate), ...(await measure(rate, SECONDS * scale))]);
  printTable(
    `Uplink: ${DEVICES} devices of the fleet simulator, connected all the time`,
    ['readings/s and device', 'readings', 'payload bytes each', 'bytes on the uplink each'],
    rows,
  );
}

async function measure(rate: number, seconds: number): Promise<string[]> {
  const dir = scratchDir();
  const [mqtt, sync, kafka, http] = await freePorts(4);
  const started: TestProcess[] = [];
  try {
    started.push(await startHub(dir, { kafka: kafka!, sync: sync!, http: http! }));
    const agent = await startAgent(dir, mqtt!, undefined, ['--hub', `ws://127.0.0.1:${sync}`]);
    started.push(agent);
    const fleet = edgelog([
      ...['devices', 'fleet', '--mqtt', `127.0.0.1:${mqtt}`],
      ...['--devices', String(DEVICES), '--rate', String(rate)],
    ]);
    started.push(fleet);
    await sleep(seconds * 1000);
    await fleet.stop();
    const read = async (): Promise<AgentStatus> =>
      (await fetch(`http://127.0.0.1:${agent.httpPort}/status`)).json() as Promise<AgentStatus>;
    const {
      streams,
      uplink,
      mqtt: taken,
    } = await until('all is at the hub', async () => {
      const status = await read();
      return (
        status.streams.length > 0 &&
        status.streams.every((one) => one.ackedOffset === one.endOffset) &&
        status
      );
    });
    const readings = streams.reduce((sum, { endOffset }) => sum + endOffset, 0);
    return [
      String(readings),
      (taken.payloadBytes / readings).toFixed(0),
      (uplink.sentBytes / readings).toFixed(1),
    ];
  } finally {
    for (const process of started.reverse()) await process.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
