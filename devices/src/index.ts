export { devicesCommand } from './command.ts';
export { Fleet, type FleetOptions, type FleetStatus } from './fleet/fleet.ts';
export type { Qos } from './fleet/link.ts';
export { type OutagePlan, parseOutagePlan } from './fleet/outage.ts';
export { openPseudoTerminal, type PseudoTerminal } from './serial/pty.ts';
