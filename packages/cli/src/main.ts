import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Halves the time to start. Where the folder cannot be written it does nothing.
enableCompileCache(fileURLToPath(new URL('../../../.cache/compile', import.meta.url)));
const { dispatch } = await import('./dispatch.ts');

let outputFault: Error | undefined;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read may go away, as `head` does; a full disk is another matter.
    if (error.code !== 'EPIPE') outputFault ??= error;
  });
}
const status = await dispatch(process.argv.slice(2));
// What was printed may still wait for whoever reads the pipe, and would be lost.
for (const stream of [process.stdout, process.stderr]) await written(stream);
if (outputFault !== undefined) process.stderr.write(`edgelog: the output failed: ${outputFault.message}\n`);
process.exit(outputFault === undefined ? status : 1);

function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}
