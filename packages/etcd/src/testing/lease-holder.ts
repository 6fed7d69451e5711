import { EtcdClient } from '../client.ts';

/*
 * A process to be stopped: holds a lease with a key on it, says `held NANOSECONDS` for as long as it believes to hold it,
 * then `lost NANOSECONDS`, on the clock that all processes share.
 */
const [key, ttlSeconds, ...endpoints] = process.argv.slice(2);
const client = new EtcdClient({ endpoints, tuning: { timeoutMs: 30_000 } });
const lease = await client.lease({ ttlSeconds: Number(ttlSeconds) });
await client.put(key!, 'held', { lease: lease.id });

const timer = setInterval(() => {
  // The clock is read before the look: whoever is stopped between the two has not looked after it.
  const stamp = process.hrtime.bigint();
  const { held } = lease;
  process.stdout.write(`${held ? 'held' : 'lost'} ${stamp}\n`);
  if (held) return;
  clearInterval(timer);
  client.close();
}, 2);
