/** What the hub's /metrics say of a moment. */
export interface HubSample {
  physicalBytes: number;
  liveBytes: number;
  deadBytes: number;
  segments: number;
  /** Between the starts and the ends of a topic's partitions. */
  topicBytes(topic: string): number;
  appendedBytes: number;
  /** Since the last sample. */
  loopDelayP99Ms: number;
  loopDelayMaxMs: number;
}

export async function sampleHub(httpPort: number): Promise<HubSample> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
  const text = await response.text();
  const value = (series: string): number => {
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
    if (line === undefined) throw new Error(`/metrics has no ${series}`);
    return Number(line.slice(series.length + 1));
  };
  return {
    physicalBytes: value('edgelog_log_physical_bytes'),
    liveBytes: value('edgelog_log_live_bytes'),
    deadBytes: value('edgelog_log_dead_bytes'),
    segments: value('edgelog_log_segments'),
    topicBytes: (topic) => {
      const sizes = text.matchAll(new RegExp(`^kafka_log_log_size\\{topic="${topic}",.* (\\d+)$`, 'gm'));
      return [...sizes].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
    },
    appendedBytes: value('edgelog_log_appended_bytes_total'),
    loopDelayP99Ms: value('process_event_loop_delay_seconds{quantile="0.99"}') * 1000,
    loopDelayMaxMs: value('process_event_loop_delay_seconds{quantile="1"}') * 1000,
  };
}
