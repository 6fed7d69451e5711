export * from './assignment.ts';
export * from './election.ts';
export * from './fetch-position.ts';
export * from './health.ts';
export * from './leader.ts';
export * from './plan.ts';
export * from './records.ts';
