export { type Cancel, nodeTimers, type Timers } from '@edgelog/base';
