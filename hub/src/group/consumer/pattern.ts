import { PatternError, type PatternNode, parsePattern } from './pattern-syntax.ts';

/** Steps of a compiled pattern: with the length of a name they bound the time of a match. */
const PROGRAM_STEPS_MAX = 500;

type Instruction =
  | { readonly op: 'set'; readonly has: (unit: number) => boolean }
  | { readonly op: 'begin' | 'end' | 'match' }
  | { op: 'fork'; a: number; b: number };

type Fork = Extract<Instruction, { op: 'fork' }>;

/**
 * A regular expression in RE2's language [KIP-848], matched in time linear in the text whatever the pattern: all ways
 * through it are walked at once, nothing is ever tried again. JavaScript's own RegExp backtracks, and one hostile pattern
 * would stop the hub.
 */
export class Pattern {
  readonly #program: readonly Instruction[];
  /** By instruction: the round in which it was last reached. */
  readonly #seen: Uint32Array;
  #round = 0;

  /** Throws PatternError, which says what is wrong. */
  constructor(source: string) {
    this.#program = compile(parsePattern(source));
    this.#seen = new Uint32Array(this.#program.length);
  }

  /** Whether the pattern matches the whole text. */
  matches(text: string): boolean {
    let current: number[] = [];
    this.#round++;
    let matched = this.#reach(0, 0, text.length, current);
    for (let at = 0; at < text.length; at++) {
      if (current.length === 0) return false;
      const next: number[] = [];
      const unit = text.charCodeAt(at);
      this.#round++;
      matched = false;
      for (const pc of current) {
        const step = this.#program[pc]!;
        if (step.op === 'set' && step.has(unit)) {
          matched = this.#reach(pc + 1, at + 1, text.length, next) || matched;
        }
      }
      current = next;
    }
    return matched;
  }

  /** Adds every instruction that reads a character and can be reached from `start` without reading one. */
  #reach(start: number, at: number, end: number, threads: number[]): boolean {
    let matched = false;
    const stack = [start];
    for (let pc = stack.pop(); pc !== undefined; pc = stack.pop()) {
      if (this.#seen[pc] === this.#round) continue;
      this.#seen[pc] = this.#round;
      const step = this.#program[pc]!;
      if (step.op === 'set') threads.push(pc);
      else if (step.op === 'fork') stack.push(step.b, step.a);
      else if (step.op === 'match') matched = true;
      else if (step.op === 'begin' ? at === 0 : at === end) stack.push(pc + 1);
    }
    return matched;
  }
}

function compile(root: PatternNode): Instruction[] {
  const program: Instruction[] = [];
  const add = <I extends Instruction>(instruction: I): I => {
    if (program.length >= PROGRAM_STEPS_MAX) throw new PatternError('the pattern is too complex');
    program.push(instruction);
    return instruction;
  };
  /** Goes on to the next instruction, until it is told otherwise. */
  const fork = (): Fork => add({ op: 'fork', a: program.length + 1, b: program.length + 1 });

  function emit(node: PatternNode): void {
    switch (node.kind) {
      case 'set':
        add({ op: 'set', has: node.has });
        break;
      case 'begin':
      case 'end':
        add({ op: node.kind });
        break;
      case 'empty':
        fork();
        break;
      case 'sequence':
        for (const one of node.nodes) emit(one);
        break;
      case 'choice':
        emitChoice(node.nodes);
        break;
      case 'repeat':
        emitRepeat(node);
    }
  }
  function emitChoice(nodes: readonly PatternNode[]): void {
    const exits: Fork[] = [];
    for (const [i, node] of nodes.entries()) {
      const entry = i < nodes.length - 1 ? fork() : undefined;
      emit(node);
      if (entry === undefined) break;
      exits.push(fork());
      entry.b = program.length;
    }
    for (const exit of exits) exit.a = exit.b = program.length;
  }
  function emitRepeat({ node, min, max }: Extract<PatternNode, { kind: 'repeat' }>): void {
    for (let i = 0; i < min; i++) emit(node);
    if (max === Number.POSITIVE_INFINITY) {
      const at = program.length;
      const loop = fork();
      emit(node);
      const back = fork();
      back.a = back.b = at;
      loop.b = program.length;
      return;
    }
    const skips: Fork[] = [];
    for (let i = min; i < max; i++) {
      skips.push(fork());
      emit(node);
    }
    for (const skip of skips) skip.b = program.length;
  }
  emit(root);
  add({ op: 'match' });
  return program;
}
