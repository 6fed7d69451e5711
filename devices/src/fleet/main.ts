import { reportFatal } from '@edgelog/runtime';
import { fleetCommand } from './command.ts';

process.exit(await fleetCommand(process.argv.slice(2)).catch(reportFatal));
