export { type Address, addressSetting, formatAddress, listen, parseAddress } from './address.ts';
export { type DeviceWrites, deviceWrites } from './device-writes.ts';
export { httpHostsSetting, isLoopback, isOfThisNetwork } from './host-names.ts';
export {
  describeError,
  type RunningProcess,
  type RunProcessOptions,
  reportFatal,
  runProcess,
} from './lifecycle.ts';
export {
  createLogger,
  type LevelledLogger,
  LOG_LEVELS,
  type LogFields,
  type Logger,
  type LogLevel,
  silentLogger,
} from './logger.ts';
export {
  type Collect,
  Counter,
  Histogram,
  LATENCY_SECONDS_BOUNDS,
  type Labels,
  Metrics,
  type Sample,
} from './metrics.ts';
export {
  type OpsHandler,
  type OpsRequest,
  type OpsResponse,
  type OpsServer,
  type OpsServerOptions,
  type SecureListener,
  startOpsServer,
} from './ops-server.ts';
export { staticPage } from './page-routes.ts';
export { type MemoryUse, readMemory, registerProcessMetrics } from './process-metrics.ts';
export { type LoadSettingsOptions, loadSettings } from './settings.ts';
export { toFlag, toVariable } from './settings-fields.ts';
export { closest, didYouMean } from './suggest.ts';
export { escapeCharacter, withoutControls } from './text.ts';
export { sizeSetting, timeSetting } from './units.ts';
