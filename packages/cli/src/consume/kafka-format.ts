import { EdgelogError } from '@edgelog/base';
import type { BatchHeader, BatchRecord } from '@edgelog/wire';
import { readProperties } from '../kafka/config-pairs.ts';

const DEFAULTS = {
  'print.timestamp': 'false',
  'print.key': 'false',
  'print.offset': 'false',
  'print.partition': 'false',
  'print.headers': 'false',
  'print.value': 'true',
  'key.separator': '\t',
  'line.separator': '\n',
  'headers.separator': ',',
  'null.literal': 'null',
};

/**
 * Records as Kafka's console consumer prints them: their bytes as they are. `properties` are those of its --property.
 * Throws CONFIG_INVALID for one that is not known here.
 */
export function kafkaFormat(flag: string, properties: readonly string[]) {
  const settings = readProperties(flag, properties, DEFAULTS);
  const shows = (what: 'timestamp' | 'key' | 'offset' | 'partition' | 'headers' | 'value'): boolean => {
    const value = settings[`print.${what}`];
    if (value === 'true' || value === 'false') return value === 'true';
    throw new EdgelogError('CONFIG_INVALID', `${flag} print.${what}=${value}: expected true or false`);
  };
  const shown = {
    timestamp: shows('timestamp'),
    partition: shows('partition'),
    offset: shows('offset'),
    headers: shows('headers'),
    key: shows('key'),
    value: shows('value'),
  };
  const none = Buffer.from(settings['null.literal']);
  return (partition: number, record: BatchRecord, { timestampType }: BatchHeader): Buffer => {
    const fields: Buffer[] = [];
    const time = timestampType === 'append' ? 'LogAppendTime' : 'CreateTime';
    if (shown.timestamp) fields.push(Buffer.from(`${time}:${record.timestamp}`));
    if (shown.partition) fields.push(Buffer.from(`Partition:${partition}`));
    if (shown.offset) fields.push(Buffer.from(`Offset:${record.offset}`));
    if (shown.headers) {
      const pairs = record.headers.map(({ key, value }) =>
        Buffer.concat([Buffer.from(`${key}:`), value ?? none]),
      );
      fields.push(
        pairs.length === 0 ? Buffer.from('NO_HEADERS') : join(pairs, settings['headers.separator']),
      );
    }
    if (shown.key) fields.push(record.key ?? none);
    if (shown.value) fields.push(record.value ?? none);
    return Buffer.concat([join(fields, settings['key.separator']), Buffer.from(settings['line.separator'])]);
  };
}

function join(parts: readonly Buffer[], separator: string): Buffer {
  const between = Buffer.from(separator);
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [between, part])));
}
