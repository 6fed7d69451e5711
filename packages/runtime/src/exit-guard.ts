import { spawn } from 'node:child_process';

/**
 * From now on this process ends when it exits. Node waits for its threads then, and one that writes to a disk which has failed may
 * never come back: the process would stand there for ever, and no supervisor would start it again. So the exit begins with a child
 * that reads from this process until it is gone, and kills it where that takes longer than `seconds`.
 */
export function guardExit(seconds = 5): void {
  process.once('exit', () => {
    // 124: the time was up, and this process still there.
    const script = `timeout ${seconds} cat > /dev/null; [ $? -ne 124 ] || kill -9 ${process.pid}`;
    spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
      .on('error', () => {})
      .unref();
  });
}
