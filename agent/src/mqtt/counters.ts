import type { Counter, Metrics } from '@edgelog/runtime';

export interface MqttCounters {
  received: Record<0 | 1 | 2, Counter>;
  receivedBytes: Counter;
  repeated: Counter;
  refused: Counter;
  connections: Counter;
  connectionsRefused: Counter;
  throttled: Counter;
  connectionErrors: Counter;
  failedLogins: Counter;
  subscriberDrops: Counter;
}

export function mqttCounters(metrics: Metrics): MqttCounters {
  const received = (qos: number) =>
    metrics.counter('edgelog_mqtt_messages_total', 'Messages taken from MQTT clients.', { qos });
  return {
    received: { 0: received(0), 1: received(1), 2: received(2) },
    receivedBytes: metrics.counter(
      'edgelog_mqtt_payload_bytes_total',
      'Payload bytes taken from MQTT clients.',
    ),
    repeated: metrics.counter(
      'edgelog_mqtt_repeated_total',
      'QoS 2 retransmissions recognised and not stored again.',
    ),
    refused: metrics.counter(
      'edgelog_mqtt_refused_total',
      'Messages refused: too large, disk full, store failed.',
    ),
    connections: metrics.counter('edgelog_mqtt_connections_total', 'MQTT connections accepted.'),
    connectionsRefused: metrics.counter(
      'edgelog_mqtt_connections_refused_total',
      'MQTT connections over the limits.',
    ),
    throttled: metrics.counter(
      'edgelog_mqtt_throttled_total',
      'Times that a client was read more slowly than it sent, because of its message or byte rate.',
    ),
    connectionErrors: metrics.counter(
      'edgelog_mqtt_connection_errors_total',
      'MQTT connections that ended in an error.',
    ),
    failedLogins: metrics.counter(
      'edgelog_mqtt_failed_logins_total',
      'Logins refused: unknown user, wrong password.',
    ),
    subscriberDrops: metrics.counter(
      'edgelog_mqtt_subscriber_drops_total',
      'Messages dropped for local subscribers that were behind. They are in the log.',
    ),
  };
}
