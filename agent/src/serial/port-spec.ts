import { basename, dirname, join } from 'node:path';
import { DEVICE_ROOTS, type DeviceRoots, listPorts, namesIn } from './ports.ts';

/** Which ports a setting means. */
export type PortSpec =
  | { kind: 'path'; path: string }
  | { kind: 'pattern'; dir: string; pattern: RegExp }
  | { kind: 'usb'; vendorId: string; productId: string; serialNumber: string | undefined };

export const PORT_FORMS =
  'expected a path (/dev/ttyUSB0), a path whose last part holds * (/dev/serial/by-id/usb-FTDI_*), a pattern of ' +
  'names in /dev/serial/by-id (usb-FTDI_*), or usb:VENDOR:PRODUCT[:SERIAL] (usb:0403:6001)';

const USB = /^usb:([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?::([^:]+))?$/;

/** Undefined for what is none of `PORT_FORMS`. */
export function parsePort(text: string, { dev }: DeviceRoots = DEVICE_ROOTS): PortSpec | undefined {
  const usb = USB.exec(text);
  if (usb) {
    const [, vendorId, productId, serialNumber] = usb;
    return {
      kind: 'usb',
      vendorId: vendorId!.toLowerCase(),
      productId: productId!.toLowerCase(),
      serialNumber,
    };
  }
  if (text === '' || /\s/.test(text) || text.startsWith('usb:')) return undefined;
  if (!text.includes('*')) return { kind: 'path', path: text };
  const dir = text.includes('/') ? dirname(text) : join(dev, 'serial/by-id');
  if (dir.includes('*')) return undefined;
  const parts = basename(text).split('*');
  const source = parts.map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*');
  return { kind: 'pattern', dir, pattern: new RegExp(`^${source}$`) };
}

/** Paths of the ports that are meant: a plain path whether or not it is there, of the others those that are. */
export function portsOf(spec: PortSpec, roots: DeviceRoots = DEVICE_ROOTS): string[] {
  switch (spec.kind) {
    case 'path':
      return [spec.path];
    case 'pattern':
      return namesIn(spec.dir)
        .filter((name) => spec.pattern.test(name))
        .toSorted()
        .map((name) => join(spec.dir, name));
    case 'usb':
      return listPorts(roots)
        .filter(
          ({ usb }) =>
            usb?.vendorId.toLowerCase() === spec.vendorId &&
            usb.productId.toLowerCase() === spec.productId &&
            (spec.serialNumber === undefined || usb.serialNumber === spec.serialNumber),
        )
        .map(({ path, byId }) => byId[0] ?? path);
  }
}

/** Directories in which such ports come and go. */
export function dirsOf(spec: PortSpec, { dev }: DeviceRoots = DEVICE_ROOTS): string[] {
  switch (spec.kind) {
    case 'path':
      return [dirname(spec.path)];
    case 'pattern':
      return [spec.dir];
    case 'usb':
      return [dev, join(dev, 'serial/by-id')];
  }
}
