import { basename } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { DeviceWatch } from './device-watch.ts';
import { dirsOf, type PortSpec, parsePort, portsOf } from './port-spec.ts';
import { DEVICE_ROOTS, type DeviceRoots } from './ports.ts';
import { protocolOf } from './protocol.ts';
import { type SerialDeps, SerialLine, type SerialStatus } from './serial-line.ts';
import type { SerialSetting } from './setting.ts';

/** A pattern that no port matches. */
export interface MissingPort {
  path: string;
  state: 'missing';
}

interface Entry {
  setting: SerialSetting;
  spec: PortSpec;
  /** By path; a port that went away stays, waiting to come back. */
  lines: Map<string, SerialLine>;
}

/** All serial lines of an agent: those of plain paths from the start, those of patterns as they appear. */
export class SerialLines {
  readonly #entries: Entry[];
  readonly #deps: SerialDeps;
  readonly #roots: DeviceRoots;
  readonly #watch: DeviceWatch | undefined;

  /** Throws CONFIG_INVALID for a profile that is not there or not valid. */
  constructor(settings: readonly SerialSetting[], deps: SerialDeps, roots: DeviceRoots = DEVICE_ROOTS) {
    this.#deps = deps;
    this.#roots = roots;
    this.#entries = settings.map((setting) => {
      const spec = parsePort(setting.port, roots)!;
      // A profile that is wrong is an error now, not when the port appears.
      protocolOf(setting, deps.maxFrameBytes, () => {});
      return { setting, spec, lines: new Map() };
    });
    deps.pressure.onRelief(() => {
      for (const line of this.#lines()) line.relieve();
    });
    deps.metrics.gauge('edgelog_serial_open', '1 while a serial line is open.', () =>
      this.#lines().map((line) => ({ labels: { port: line.name }, value: line.isOpen ? 1 : 0 })),
    );
    const dirs = new Set(this.#entries.flatMap(({ spec }) => dirsOf(spec, roots)));
    if (dirs.size > 0) this.#watch = new DeviceWatch(dirs, () => this.#check());
    this.#check();
  }

  /** One for each line, and one for each setting that matches no port. */
  status(): readonly (SerialStatus | MissingPort)[] {
    return this.#entries.flatMap(({ setting, lines }): (SerialStatus | MissingPort)[] =>
      lines.size === 0
        ? [{ path: setting.port, state: 'missing' }]
        : [...lines.values()].map((line) => line.status()),
    );
  }

  async stop(): Promise<void> {
    this.#watch?.stop();
    await Promise.all(this.#lines().map((line) => line.stop()));
  }

  #lines(): SerialLine[] {
    return this.#entries.flatMap(({ lines }) => [...lines.values()]);
  }

  #check(): void {
    for (const { setting, spec, lines } of this.#entries) {
      for (const path of portsOf(spec, this.#roots)) {
        if (!lines.has(path)) this.#add(setting, spec, lines, path);
      }
      const alarm = `serial missing ${setting.port}`;
      if (lines.size > 0) this.#deps.alarms.clear(alarm);
      else this.#deps.alarms.raise(alarm, `no serial port matches ${setting.port}`);
      for (const line of lines.values()) line.check();
    }
  }

  #add(setting: SerialSetting, spec: PortSpec, lines: Map<string, SerialLine>, path: string): void {
    const alarm = `serial profile ${setting.port}`;
    try {
      lines.set(path, new SerialLine(setting, path, nameOf(setting, spec, path), this.#deps));
      this.#deps.alarms.clear(alarm);
    } catch (error) {
      // The file of the profile was changed since the start; what runs goes on.
      if (!(error instanceof EdgelogError)) throw error;
      this.#deps.alarms.raise(alarm, error.message);
    }
  }
}

function nameOf(setting: SerialSetting, spec: PortSpec, path: string): string {
  if (setting.name === undefined) return path;
  return spec.kind === 'path' ? setting.name : `${setting.name}/${basename(path)}`;
}
