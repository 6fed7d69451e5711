export { freePorts } from '@edgelog/sim';
