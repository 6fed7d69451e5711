import type { TailChunk } from '@edgelog/log';
import type { BatchHeader } from '@edgelog/wire';

export interface StoredBatch {
  readonly base: number;
  readonly next: number;
  readonly bytes: Buffer;
  readonly header: BatchHeader;
  segment: number;
  /** Why it cannot be read any more. */
  damage: string | undefined;
}

export interface StoredPartition {
  readonly name: string;
  logStart: number;
  /** One past the last sealed record. */
  end: number;
  batches: StoredBatch[];
  tail: TailChunk[];
}

/** What is on a disk, or would be after the next commit. */
export interface Image {
  partitions: Map<string, StoredPartition>;
  values: Map<string, Buffer>;
  /** Bytes of batches that each segment was given, and of those that live. */
  segments: Map<number, { bytes: number; live: number }>;
  active: number;
}

export const emptyImage = (): Image => ({
  partitions: new Map(),
  values: new Map(),
  segments: new Map([[0, { bytes: 0, live: 0 }]]),
  active: 0,
});

/** Shares nothing that changes, but for what the bytes are. */
export const copyImage = (image: Image): Image => ({
  partitions: new Map(
    [...image.partitions].map(([name, { batches, tail, ...rest }]) => [
      name,
      { ...rest, batches: [...batches], tail: [...tail] },
    ]),
  ),
  values: new Map(image.values),
  segments: new Map([...image.segments].map(([id, segment]) => [id, { ...segment }])),
  active: image.active,
});

/** Damage done to the one is none of the other's. */
export const cloneImage = (image: Image): Image => {
  const clone = copyImage(image);
  for (const partition of clone.partitions.values())
    partition.batches = partition.batches.map((batch) => ({ ...batch }));
  return clone;
};

/** Bytes that the segments and the open tails take. */
export function physicalBytes({ segments, partitions }: Image): number {
  let bytes = 0;
  for (const segment of segments.values()) bytes += segment.bytes;
  for (const { tail } of partitions.values()) for (const chunk of tail) bytes += chunk.bytes.length;
  return bytes;
}

export function sealInto(image: Image, name: string, batch: StoredBatch, segmentBytes: number): void {
  const partition = image.partitions.get(name)!;
  if (image.segments.get(image.active)!.bytes >= segmentBytes) roll(image);
  const segment = image.segments.get(image.active)!;
  batch.segment = image.active;
  segment.bytes += batch.bytes.length;
  segment.live += batch.bytes.length;
  partition.batches.push(batch);
  partition.end = batch.next;
  partition.tail = partition.tail.filter((chunk) => chunk.baseOffset >= batch.next);
}

export function advanceStart(image: Image, name: string, offset: number): void {
  const partition = image.partitions.get(name)!;
  partition.logStart = Math.max(partition.logStart, offset);
  const dead = partition.batches.filter(({ next }) => next <= offset);
  for (const { segment, bytes } of dead) image.segments.get(segment)!.live -= bytes.length;
  partition.batches.splice(0, dead.length);
}

/** Copies what lives out of segments that are mostly dead; the active one is rolled first if it is one of them. */
export function cleanSegments(image: Image, deadShare: number): void {
  const isDue = ({ bytes, live }: { bytes: number; live: number }) =>
    bytes > live && bytes - live >= deadShare * bytes;
  if (isDue(image.segments.get(image.active)!)) roll(image);
  for (const segment of image.segments.values()) if (isDue(segment)) segment.bytes = segment.live;
}

/** Unlinks segments in which nothing lives. */
export function unlinkDead(image: Image, canUnlink: (id: number) => boolean = () => true): number[] {
  const dead = [...image.segments]
    .filter(([id, { live }]) => live === 0 && id !== image.active && canUnlink(id))
    .map(([id]) => id);
  for (const id of dead) image.segments.delete(id);
  return dead;
}

function roll(image: Image): void {
  image.active++;
  image.segments.set(image.active, { bytes: 0, live: 0 });
}
