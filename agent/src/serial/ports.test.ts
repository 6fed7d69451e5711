import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDir } from '../testing/fixture.ts';
import { lineErrors } from './line-errors.ts';
import { parsePort, portsOf } from './port-spec.ts';
import { listPorts } from './ports.ts';

/** /dev and /sys of a machine with a USB adapter, a chip on the board, a port that the kernel keeps in store, and a console. */
function machine() {
  const dir = temporaryDir();
  const [dev, sys] = [join(dir, 'dev'), join(dir, 'sys')];
  const file = (path: string, text = '') => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  const link = (target: string, path: string) => {
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(target, path);
  };
  for (const name of ['ttyUSB0', 'ttyAMA0', 'ttyS3', 'tty1']) file(join(dev, name));
  link('../../ttyUSB0', join(dev, 'serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0'));
  const usb = join(sys, 'devices/usb1/1-1');
  file(join(usb, 'idVendor'), '0403\n');
  file(join(usb, 'idProduct'), '6001\n');
  file(join(usb, 'product'), 'FT232R USB UART\n');
  file(join(usb, 'serial'), 'A50285BI\n');
  file(join(usb, '1-1:1.0/ttyUSB0/uevent'));
  file(join(sys, 'bus/ftdi_sio/uevent'));
  link(join(sys, 'bus/ftdi_sio'), join(usb, '1-1:1.0/ttyUSB0/driver'));
  link(join(usb, '1-1:1.0/ttyUSB0'), join(sys, 'class/tty/ttyUSB0/device'));
  file(join(sys, 'devices/platform/uart/uevent'));
  link(join(sys, 'devices/platform/uart'), join(sys, 'class/tty/ttyAMA0/device'));
  file(join(sys, 'class/tty/ttyAMA0/type'), '32\n');
  link(join(sys, 'devices/platform/uart'), join(sys, 'class/tty/ttyS3/device'));
  file(join(sys, 'class/tty/ttyS3/type'), '0\n');
  file(join(sys, 'class/tty/tty1/dev'), '4:1\n');
  return { dev, sys };
}

test('ports are listed from /sys and /dev/serial/by-id, with what their adapter says; others are left out', () => {
  const roots = machine();
  expect(listPorts(roots)).toEqual([
    { path: join(roots.dev, 'ttyAMA0'), byId: [], driver: null, usb: null },
    {
      path: join(roots.dev, 'ttyUSB0'),
      byId: [join(roots.dev, 'serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0')],
      driver: 'ftdi_sio',
      usb: {
        vendorId: '0403',
        productId: '6001',
        manufacturer: null,
        product: 'FT232R USB UART',
        serialNumber: 'A50285BI',
      },
    },
  ]);
});

test('a machine without serial ports, or without /sys, has an empty list', () => {
  expect(listPorts({ dev: '/nowhere/dev', sys: '/nowhere/sys' })).toEqual([]);
});

test('a port can be named by path, pattern, pattern of by-id names, and USB numbers', () => {
  const roots = machine();
  const byId = join(roots.dev, 'serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0');
  const find = (text: string) => portsOf(parsePort(text, roots)!, roots);
  expect(find('/not/there')).toEqual(['/not/there']);
  expect(find(`${roots.dev}/ttyUSB*`)).toEqual([join(roots.dev, 'ttyUSB0')]);
  expect(find(`${roots.dev}/tty.*`)).toEqual([]);
  expect(find('usb-FTDI_*')).toEqual([byId]);
  expect(find('usb:0403:6001')).toEqual([byId]);
  expect(find('usb:0403:6001:A50285BI')).toEqual([byId]);
  expect(find('usb:0403:6001:OTHER')).toEqual([]);
  for (const wrong of ['', 'a b', 'usb:0403', '/dev/*/x']) expect(parsePort(wrong)).toBeUndefined();
});

test('parity and framing errors are those that the kernel counts, where it does', () => {
  const dir = temporaryDir();
  mkdirSync(join(dir, 'driver'));
  writeFileSync(
    join(dir, 'drivers'),
    `serial  ${dir}/ttyS   4 64-95 serial\nusbserial ${dir}/ttyUSB 188 0-511 serial\n`,
  );
  writeFileSync(
    join(dir, 'driver/serial'),
    'serinfo:1.0 driver revision:\n0: uart:unknown port:00000000 irq:0\n1: uart:16550A port:3F8 irq:4 tx:1 rx:2 fe:3 pe:4 oe:5 RTS|DTR\n',
  );
  for (const name of ['ttyS1', 'ttyUSB0']) writeFileSync(join(dir, name), '');
  expect(lineErrors(join(dir, 'ttyS1'), dir)).toEqual({ parity: 4, framing: 3, overrun: 5, breaks: 0 });
  expect(lineErrors(join(dir, 'ttyUSB0'), dir)).toBeNull();
});
