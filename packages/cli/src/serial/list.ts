import { listPorts, type PortInfo } from '@edgelog/agent/serial/ports.ts';
import { printJson, printTable } from '../table.ts';

/** Prints the serial ports of this machine. */
export function listCommand(isJson: boolean): number {
  const ports = listPorts();
  if (isJson) {
    printJson(ports);
    return 0;
  }
  if (ports.length === 0) {
    process.stderr.write(
      'edgelog: no serial port on this machine; what is plugged in appears in /dev/serial/by-id\n',
    );
    return 0;
  }
  printTable(
    ['PORT', 'STABLE NAME', 'USB', 'DEVICE'],
    ports.map(({ path, byId, usb, driver }) => [
      path,
      byId[0] ?? '-',
      usb === null ? '-' : `${usb.vendorId}:${usb.productId}`,
      nameOf(usb) || (driver ?? '-'),
    ]),
  );
  return 0;
}

function nameOf(usb: PortInfo['usb']): string {
  return [usb?.manufacturer, usb?.product, usb?.serialNumber].filter(Boolean).join(' ');
}
