export { Connection, type ConnectionOptions, type RequestBody, type RequestOptions } from './connection.ts';
export {
  type KafkaSecurity,
  NO_SECURITY,
  type PasswordMechanism,
  type Sasl,
  securityWarning,
  type TlsFiles,
  type TokenSource,
} from './security.ts';
export {
  isKafkaUrl,
  type KafkaSecuritySettings,
  type KafkaUrl,
  kafkaSecurityFields,
  kafkaSecurityOf,
  mergeKafkaUrls,
  parseKafkaUrl,
  SASL_MECHANISMS,
} from './settings.ts';
