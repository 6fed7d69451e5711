import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where the kernel tells of devices; tests give others. */
export interface DeviceRoots {
  dev: string;
  sys: string;
}

export const DEVICE_ROOTS: DeviceRoots = { dev: '/dev', sys: '/sys' };

export interface UsbIdentity {
  /** Four hex digits, as lsusb shows them. */
  vendorId: string;
  productId: string;
  manufacturer: string | null;
  product: string | null;
  serialNumber: string | null;
}

export interface PortInfo {
  /** Device file, e.g. /dev/ttyUSB0; may be another one after the next plugging. */
  path: string;
  /** Its names in /dev/serial/by-id, which stay. */
  byId: string[];
  driver: string | null;
  usb: UsbIdentity | null;
}

/**
 * Serial ports of this machine, by name: terminals that a device stands behind. Read from /sys/class/tty and
 * /dev/serial/by-id; nothing is opened. (`SerialPort.list()` starts udevadm and ends the process where that is missing.)
 */
export function listPorts({ dev, sys }: DeviceRoots = DEVICE_ROOTS): PortInfo[] {
  const byId = new Map<string, string[]>();
  for (const name of namesIn(join(dev, 'serial/by-id'))) {
    const link = join(dev, 'serial/by-id', name);
    const target = real(link);
    if (target !== undefined) byId.set(target, [...(byId.get(target) ?? []), link]);
  }
  return namesIn(join(sys, 'class/tty'))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .flatMap((name) => {
      const path = join(dev, name);
      const entry = join(sys, 'class/tty', name);
      const device = real(join(entry, 'device'));
      // The kernel keeps a few ttyS in store; type 0 says that there is no chip.
      if (device === undefined || !existsSync(path) || attribute(entry, 'type') === '0') return [];
      const driver = real(join(device, 'driver'));
      return {
        path,
        byId: (byId.get(real(path) ?? path) ?? []).toSorted(),
        driver: driver === undefined ? null : driver.slice(driver.lastIndexOf('/') + 1),
        usb: usbIdentity(device, sys),
      };
    });
}

function usbIdentity(device: string, sys: string): UsbIdentity | null {
  const root = real(sys) ?? sys;
  for (let at = device; at.length > root.length && at.startsWith(root); at = dirname(at)) {
    const vendorId = attribute(at, 'idVendor');
    const productId = attribute(at, 'idProduct');
    if (vendorId === null || productId === null) continue;
    return {
      vendorId,
      productId,
      manufacturer: attribute(at, 'manufacturer'),
      product: attribute(at, 'product'),
      serialNumber: attribute(at, 'serial'),
    };
  }
  return null;
}

function attribute(dir: string, name: string): string | null {
  try {
    return readFileSync(join(dir, name), 'utf8').trim();
  } catch {
    return null;
  }
}

export function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
