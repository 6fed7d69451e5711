import { Prng } from '@edgelog/sim';
import { checkDelivery, labelled } from '../../harness/check-delivery.ts';
import { consumeAll, consumeEach } from '../../harness/kcat.ts';
import { MqttLoad } from '../../harness/mqtt-load.ts';
import { sleep, until } from '../../harness/wait.ts';
import type { Finding } from '../verdict.ts';
import { checkGaps } from './declared-gaps.ts';
import { FAULTS } from './faults.ts';
import { Instrument } from './instrument.ts';
import { RING } from './ring.ts';
import { Site } from './site.ts';
import { type AgentSample, judgeAgent } from './verdict.ts';

const DEVICES = 8;
const WINDOW = 10;
const PAUSE_MS = 150;
const SAMPLE_MS = 2_000;
const BETWEEN_FAULTS_MS = 4_000;
const DRAIN_MS = 180_000;
const TOPIC = 'telemetry';

export interface GatewaySoakOptions {
  minutes: number;
  seed: number;
  print: (line: string) => void;
}

/** Lets one thing after the other happen to a gateway under load, then compares what devices were told with what a consumer reads. */
export async function soakGateway({ minutes, seed, print }: GatewaySoakOptions): Promise<Finding[]> {
  const prng = new Prng(seed);
  const site = await Site.start();
  const loads = Array.from({ length: DEVICES }, (_, index) => {
    const clientId = `device-${index}`;
    return {
      clientId,
      load: new MqttLoad({
        ...{ port: site.mqttPort, clientId, window: WINDOW, pauseMs: PAUSE_MS },
        payload: labelled(clientId),
      }),
    };
  });
  const running = loads.map(({ load }) => load.run());
  site.ring.trickle();
  const instrument = new Instrument(site.instrument);
  const sampler = sampleAgent(site);
  const happened = new Map<string, number>();
  try {
    const startedAt = performance.now();
    const elapsed = (): number => (performance.now() - startedAt) / 1000;
    const possible = FAULTS.filter(({ isPossible }) => isPossible?.(site) ?? true);
    // Each comes once before any comes again.
    let left = [...possible];
    while (elapsed() < minutes * 60) {
      await sleep(prng.between(BETWEEN_FAULTS_MS / 2, BETWEEN_FAULTS_MS * 2));
      const fault = prng.pick(left);
      left = left.length > 1 ? left.filter((one) => one !== fault) : [...possible];
      const acked = loads.reduce((sum, { load }) => sum + load.acked.length, 0);
      print(`${elapsed().toFixed(1).padStart(8)} s  ${fault.name} (${acked} acknowledged so far)`);
      const said = await fault.run(site, prng);
      happened.set(fault.name, (happened.get(fault.name) ?? 0) + 1);
      if (said !== '') print(`${elapsed().toFixed(1).padStart(8)} s  ${fault.name}: over, ${said}`);
    }
    for (const { load } of loads) load.stop();
    instrument.stop();
    await Promise.all([...running, site.ring.stop()]);
    const { streams } = await until(
      'all that the gateway has is at the hub',
      async () => {
        const status = await site.agentStatus();
        const isDrained = status.streams.every(({ endOffset, ackedOffset }) => endOffset === ackedOffset);
        return isDrained && status.streams.length > 0 && status.gaps.length === 0 && status;
      },
      DRAIN_MS,
    );
    const samples = sampler.stop();
    const list = [...happened].map(([name, count]) => `${count} × ${name}`).join(', ');
    return [
      { isMet: true, text: `seed ${seed}: ${list}` },
      await delivery(site, loads, instrument.lines),
      await gapsOf(site, streams.find(({ topic }) => topic === RING)!.endOffset),
      ...judgeAgent(samples),
    ];
  } catch (error) {
    throw new Error(`seed ${seed}: ${error}\n${site.output().slice(-8_000)}`, { cause: error });
  } finally {
    sampler.stop();
    instrument.stop();
    for (const { load } of loads) load.stop();
    await site.ring.stop();
    await site.stop();
  }
}

async function delivery(
  site: Site,
  loads: readonly { clientId: string; load: MqttLoad }[],
  lines: number,
): Promise<Finding> {
  const records = await consumeAll(site.bootstrap, TOPIC);
  const acked = loads.reduce((sum, { load }) => sum + load.acked.length, 0);
  const serial = records.filter(({ value }) => value.startsWith('serial:')).length;
  try {
    checkDelivery(records, loads);
    return {
      isMet: true,
      text: `${acked} acknowledged, ${records.length} read, none lost, doubled or out of order; ${serial} of ${lines} serial lines`,
    };
  } catch (error) {
    return { isMet: false, text: (error as Error).message };
  }
}

/** Only the topic that may be given up has gaps, and they say exactly what is missing. */
async function gapsOf(site: Site, endOffset: number): Promise<Finding> {
  const gaps = await site.declaredGaps();
  const labels: string[] = [];
  for await (const { value } of consumeEach(site.bootstrap, RING))
    labels.push(value.slice(0, value.indexOf(':', value.indexOf(':') + 1)));
  const acked = new Map(site.ring.loads.map(({ clientId, load }) => [clientId, load.acked]));
  const ofRing = gaps.filter(({ topic }) => topic === RING);
  const problems = checkGaps({ labels, gaps: ofRing, endOffset, acked });
  for (const { topic, reason } of gaps) if (topic !== RING) problems.push(`a gap of ${topic}: ${reason}`);
  const lost = ofRing.reduce((sum, { from, to }) => sum + to - from, 0);
  return problems.length === 0
    ? {
        isMet: true,
        text: `${RING}: ${labels.length} of ${endOffset} read, every gap declared: ${lost} records in ${ofRing.length} gaps`,
      }
    : { isMet: false, text: `${RING}: ${problems.slice(0, 10).join('\n')}` };
}

function sampleAgent(site: Site): { stop(): AgentSample[] } {
  const samples: AgentSample[] = [];
  let pid = 0;
  let since = 0;
  const timer = setInterval(() => {
    const { agent } = site;
    if (!agent.alive) return;
    if (agent.pid !== pid) {
      pid = agent.pid;
      since = performance.now();
    }
    try {
      const age = (performance.now() - since) / 1000;
      samples.push({ age, privateMib: agent.privateBytes() / 2 ** 20, openFiles: site.openFiles() });
    } catch {
      // It ended between the look and the reading.
    }
  }, SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      return samples;
    },
  };
}
