import { isOfThisNetwork } from '@edgelog/runtime';

/** In the place of an origin: pages of any site. */
export const ANY_ORIGIN = '*';

/**
 * Whether a WebSocket may be opened from the page that `origin` names [RFC 6455, 10.2]. Browsers always name it, devices do not. A page
 * of any site that somebody in the plant looks at could publish otherwise, so those that may are listed. Some clients that are no
 * browsers (paho) name the address they connect to: that is taken where no site can have that address, as one could by pointing a name
 * of its own here (DNS rebinding).
 */
export function isOriginAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes(ANY_ORIGIN)) return true;
  const url = URL.parse(origin);
  if (url === null) return false;
  if (allowed.some((one) => URL.parse(one)?.origin === url.origin)) return true;
  const asked = URL.parse(`${url.protocol}//${host}`);
  return asked !== null && asked.host === url.host && isOfThisNetwork(asked.hostname);
}
