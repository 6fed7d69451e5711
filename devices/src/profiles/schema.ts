import { z } from 'zod';
import { Template } from '../protocols/ascii/template.ts';
import { isBitTable } from '../protocols/modbus/frame.ts';
import { REGISTER_TYPES } from '../protocols/modbus/register.ts';
import { OBIS_TYPES } from '../protocols/obis/obis-value.ts';
import { commonFields, duration, exactNumber, ONE, uniqueNames, valueName, ZERO } from './schema-parts.ts';

const WORD_ORDERS = ['big', 'little'] as const;
const TYPES = Object.keys(REGISTER_TYPES) as [
  keyof typeof REGISTER_TYPES,
  ...(keyof typeof REGISTER_TYPES)[],
];

const register = z
  .strictObject({
    name: valueName,
    table: z.enum(['coil', 'discrete', 'holding', 'input']),
    address: z.number().int().min(0).max(65_535),
    type: z.enum(TYPES),
    wordOrder: z.enum(WORD_ORDERS).optional(),
    scale: exactNumber.default(ONE),
    offset: exactNumber.default(ZERO),
    unit: z.string().default(''),
    absent: z.array(exactNumber).default([]),
    bits: z.record(valueName, z.number().int().min(0).max(63)).optional(),
  })
  .superRefine(({ table, type, address, bits }, context) => {
    const problem = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (isBitTable(table) !== (type === 'bit'))
      problem('type', `must ${isBitTable(table) ? '' : 'not '}be bit in table ${table}`);
    if (address + REGISTER_TYPES[type] > 65_536) problem('address', 'leaves no room for the whole value');
    if (bits === undefined) return;
    if (!/^u?int/.test(type)) problem('bits', `cannot be of a ${type}`);
    const width = REGISTER_TYPES[type] * 16;
    for (const [name, bit] of Object.entries(bits))
      if (bit >= width) problem('bits', `${name} is bit ${bit} of ${width}`);
  });

const modbus = z.strictObject({
  protocol: z.literal('modbus-rtu'),
  ...commonFields,
  every: duration.default(10_000),
  address: z.number().int().min(1).max(247).default(1),
  timeout: duration.default(1_000),
  retries: z.number().int().min(0).max(10).default(2),
  maxRegisters: z.number().int().min(1).max(125).default(60),
  maxGap: z.number().int().min(0).max(124).default(8),
  wordOrder: z.enum(WORD_ORDERS).default('big'),
  registers: z.array(register).min(1).max(1_000).superRefine(uniqueNames),
});

const nmea = z.strictObject({
  protocol: z.literal('nmea-0183'),
  ...commonFields,
  sentences: z.array(z.string().regex(/^[A-Z0-9]{3,}$/, 'must be a type such as RMC')).default([]),
  checksum: z.enum(['required', 'optional']).default('required'),
});

const obisEntry = z.strictObject({
  obis: z.string().min(1).max(40),
  name: valueName,
  type: z.enum(OBIS_TYPES).default('number'),
  unit: z.string().default(''),
  group: z.number().int().min(-8).max(7).default(0),
});
const obisEntries = z.array(obisEntry).min(1).max(1_000).superRefine(uniqueNames);

const p1 = z.strictObject({
  protocol: z.literal('dsmr-p1'),
  ...commonFields,
  crc: z.enum(['required', 'none']).default('required'),
  values: obisEntries,
  subMeters: z
    .array(
      z.strictObject({ deviceType: z.number().int().min(0).max(255), name: valueName, unit: z.string() }),
    )
    .default([])
    .superRefine(uniqueNames),
});

const iec62056 = z.strictObject({
  protocol: z.literal('iec-62056-21'),
  ...commonFields,
  every: duration.default(900_000),
  address: z
    .string()
    .regex(/^[0-9A-Za-z ]{0,32}$/, 'must be up to 32 letters and digits')
    .default(''),
  timeout: duration.default(2_200),
  retries: z.number().int().min(0).max(10).default(2),
  maxBaud: z.number().int().min(300).max(19_200).default(9_600),
  values: obisEntries,
});

const mbus = z.strictObject({
  protocol: z.literal('m-bus'),
  ...commonFields,
  every: duration.default(900_000),
  address: z
    .union([
      z.number().int().min(0).max(250),
      z.string().regex(/^\d{8}$/, 'must be 0 to 250, or eight digits in quotes'),
    ])
    .default(0),
  timeout: duration.default(500),
  retries: z.number().int().min(0).max(10).default(2),
  values: z
    .array(
      z.strictObject({
        record: z.string().min(1),
        name: valueName,
        scale: exactNumber.default(ONE),
        unit: z.string().default(''),
        recordUnit: z.string().optional(),
      }),
    )
    .default([])
    .superRefine(uniqueNames),
});

const template = z.string().superRefine((text, context) => {
  try {
    new Template(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `has ${(error as Error).message}` });
  }
});

const ascii = z.strictObject({
  protocol: z.literal('ascii'),
  ...commonFields,
  format: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('template'), templates: z.array(template).min(1) }),
    z.strictObject({
      kind: z.literal('csv'),
      separator: z.string().min(1).default(','),
      columns: z.array(z.string()).min(1),
    }),
    z.strictObject({ kind: z.literal('pairs'), separator: z.string().min(1).default(',') }),
  ]),
  fields: z
    .array(
      z.strictObject({
        name: valueName,
        type: z.enum(['number', 'text']).default('number'),
        scale: exactNumber.default(ONE),
        offset: exactNumber.default(ZERO),
        unit: z.string().default(''),
        absent: z.array(z.string()).default([]),
      }),
    )
    .default([])
    .superRefine(uniqueNames),
  maxBytes: z.number().int().min(8).max(65_536).default(512),
  ignore: z.array(z.string().min(1)).default([]),
});

/** A device profile: which protocol, and what its values mean. The YAML files of `devices/profiles/` are these. */
export const profileSchema = z.discriminatedUnion('protocol', [modbus, nmea, p1, iec62056, mbus, ascii]);
export type ProfileBody = z.output<typeof profileSchema>;

/** A profile with the name of its file. */
export type Profile = ProfileBody & { name: string };
