const LENGTH_BYTES = 4;
const FRAME_BYTES_MAX = 100 * 1024 * 1024;

/** Cuts what arrives into frames, each behind its 4-byte length. */
export class FrameReader {
  /** What came of the frame that is not whole yet; joined when there is as much as it takes. */
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #wantedBytes = LENGTH_BYTES;

  /** Frames that are whole now, without their lengths; views of what arrived. False after a length that no frame has. */
  read(chunk: Buffer, onFrame: (frame: Buffer) => void): boolean {
    this.#received.push(chunk);
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes < this.#wantedBytes) return true;
    let bytes = this.#received.length === 1 ? chunk : Buffer.concat(this.#received);
    let wanted = LENGTH_BYTES;
    while (bytes.length >= LENGTH_BYTES) {
      const length = bytes.readInt32BE(0);
      if (length < 4 || length > FRAME_BYTES_MAX) return false;
      wanted = LENGTH_BYTES + length;
      if (bytes.length < wanted) break;
      onFrame(bytes.subarray(LENGTH_BYTES, wanted));
      bytes = bytes.subarray(wanted);
      wanted = LENGTH_BYTES;
    }
    this.#received = [bytes];
    this.#receivedBytes = bytes.length;
    this.#wantedBytes = wanted;
    return true;
  }
}
