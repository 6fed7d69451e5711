export {
  type ApiName,
  apiByKey,
  apis,
  type Handlers,
  type RequestInput,
  type RequestOf,
  type ResponseOf,
  type ResponseOutput,
  saslApis,
} from './apis/index.ts';
export {
  decodeMessage,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeMessage,
  encodeRequest,
  encodeRequestParts,
  encodeResponse,
  type RequestHeader,
} from './codec/frame.ts';
export {
  type ConsumerSubscription,
  type NamedPartitions,
  readConsumerAssignment,
  readConsumerSubscription,
  writeConsumerAssignment,
} from './consumer-protocol.ts';
export { ErrorCode, type ErrorInfo, type ErrorName, errorCodes, errorName } from './errors.ts';
export * from './schema/field.ts';
export { ZERO_UUID } from './schema/layout.ts';
export {
  type Api,
  api,
  type DecodedMessage,
  type EncodableMessage,
  type Message,
  message,
  type VersionRange,
} from './schema/message.ts';
