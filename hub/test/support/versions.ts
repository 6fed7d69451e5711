import type { Api } from '@edgelog/wire';

/** Every version of an API that the codec speaks. */
export function versionsOf({ versions: [min, max] }: Api): number[] {
  return Array.from({ length: max - min + 1 }, (_, i) => min + i);
}
