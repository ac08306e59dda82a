/**
 * Turns sets of regular expressions over digits into one table-driven automaton.
 *
 * Knows what numbering plans use: digits, \d, classes with ranges, groups, |, ?, {n} and {n,m}. Built by subset
 * construction when a calling code is first seen in a thread; then one table step a digit.
 */
import assert from 'node:assert'

type Node =
  | { kind: 'digit'; mask: number }
  | { kind: 'sequence'; items: Node[] }
  | { kind: 'choice'; options: Node[] }
  | { kind: 'repeat'; item: Node; min: number; max: number }

const ANY_DIGIT = 0x3ff

class PatternReader {
  readonly #pattern: string
  #at = 0

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  read(): Node {
    const node = this.#choice()
    assert(this.#at === this.#pattern.length, `cannot read ${this.#pattern} at ${this.#at}`)
    return node
  }

  #choice(): Node {
    const options = [this.#sequence()]
    while (this.#take('|')) options.push(this.#sequence())
    return options.length === 1 ? options[0]! : { kind: 'choice', options }
  }

  #sequence(): Node {
    const items: Node[] = []
    while (this.#at < this.#pattern.length && this.#pattern[this.#at] !== '|' && this.#pattern[this.#at] !== ')') {
      items.push(this.#quantified(this.#atom()))
    }
    return items.length === 1 ? items[0]! : { kind: 'sequence', items }
  }

  #atom(): Node {
    if (this.#take('(')) {
      if (this.#take('?')) assert(this.#take(':'), 'only plain groups')
      const inner = this.#choice()
      assert(this.#take(')'), 'a group is closed')
      return inner
    }
    if (this.#take('[')) return this.#class()
    if (this.#take('\\')) {
      assert(this.#take('d'), 'only \\d is escaped')
      return { kind: 'digit', mask: ANY_DIGIT }
    }
    return { kind: 'digit', mask: 1 << this.#digit() }
  }

  #class(): Node {
    let mask = 0
    while (!this.#take(']')) {
      const first = this.#digit()
      const last = this.#take('-') ? this.#digit() : first
      for (let digit = first; digit <= last; digit++) mask |= 1 << digit
    }
    return { kind: 'digit', mask }
  }

  #quantified(item: Node): Node {
    if (this.#take('?')) return { kind: 'repeat', item, min: 0, max: 1 }
    if (!this.#take('{')) return item
    const close = this.#pattern.indexOf('}', this.#at)
    const [min, max] = this.#pattern.slice(this.#at, close).split(',').map(Number)
    this.#at = close + 1
    return { kind: 'repeat', item, min: min!, max: max ?? min! }
  }

  #digit(): number {
    const digit = this.#pattern.charCodeAt(this.#at++) - 48
    assert(digit >= 0 && digit <= 9, `not a digit in ${this.#pattern} before ${this.#at}`)
    return digit
  }

  #take(char: string): boolean {
    if (this.#pattern[this.#at] !== char) return false
    this.#at++
    return true
  }
}

/** Steps with a digit go from a node to `to` when the digit's bit is in `mask`; mask 0 is a step without one. */
interface Edge {
  mask: number
  to: number
}

class Nfa {
  readonly edges: Edge[][] = [[]]
  /** Tag that a node accepts, or -1. */
  readonly tags: number[] = [-1]

  add(entry: TaggedPattern): void {
    const end = this.#build(new PatternReader(entry.pattern).read(), 0)
    const accept = this.#node(entry.tag)
    this.edges[end]!.push({ mask: 0, to: accept })
    if (entry.prefix) this.edges[accept]!.push({ mask: ANY_DIGIT, to: accept })
  }

  #node(tag = -1): number {
    this.tags.push(tag)
    return this.edges.push([]) - 1
  }

  #build(node: Node, from: number): number {
    if (node.kind === 'sequence') {
      let at = from
      for (const item of node.items) at = this.#build(item, at)
      return at
    }
    if (node.kind === 'repeat') return this.#repeat(node.item, from, node)
    const to = this.#node()
    if (node.kind === 'digit') this.edges[from]!.push({ mask: node.mask, to })
    else for (const option of node.options) this.edges[this.#build(option, from)]!.push({ mask: 0, to })
    return to
  }

  #repeat(item: Node, from: number, times: { min: number; max: number }): number {
    let at = from
    for (let count = 0; count < times.min; count++) at = this.#build(item, at)
    if (times.max === times.min) return at
    const end = this.#node()
    for (let count = times.min; count < times.max; count++) {
      this.edges[at]!.push({ mask: 0, to: end })
      at = this.#build(item, at)
    }
    this.edges[at]!.push({ mask: 0, to: end })
    return end
  }
}

export interface TaggedPattern {
  pattern: string
  tag: number
  /** True: what begins with a match is accepted, whatever follows. */
  prefix: boolean
}

export interface Automaton {
  /** state × 10 + digit → state. State 0 is dead, state 1 the start. */
  readonly next: Uint16Array
  /** Tags that a state accepts. */
  readonly accepts: readonly ReadonlySet<number>[]
}

const NO_TAGS: ReadonlySet<number> = new Set()

export function compileAutomaton(patterns: readonly TaggedPattern[]): Automaton {
  const nfa = new Nfa()
  for (const pattern of patterns) nfa.add(pattern)
  const states = new Map<string, number>([['', 0]])
  const sets: number[][] = [[], closure(nfa, [0])]
  states.set(sets[1]!.join(), 1)
  const next: number[] = new Array(10).fill(0)
  for (let state = 1; state < sets.length; state++) {
    for (let digit = 0; digit < 10; digit++) {
      const set = closure(nfa, step(nfa, sets[state]!, 1 << digit))
      const key = set.join()
      let to = states.get(key)
      if (to === undefined) {
        to = sets.push(set) - 1
        states.set(key, to)
      }
      next.push(to)
    }
  }
  assert(sets.length <= 0x10000, 'states fit 16 bits')
  return { next: Uint16Array.from(next), accepts: sets.map((set) => tagsOf(nfa, set)) }
}

function step(nfa: Nfa, from: readonly number[], bit: number): number[] {
  const to: number[] = []
  for (const node of from) for (const edge of nfa.edges[node]!) if ((edge.mask & bit) !== 0) to.push(edge.to)
  return to
}

/** The nodes reached without a digit that matter: those with a step of their own or a tag; ascending. */
function closure(nfa: Nfa, from: readonly number[]): number[] {
  const seen = new Set(from)
  for (const node of seen) for (const edge of nfa.edges[node]!) if (edge.mask === 0) seen.add(edge.to)
  const kept: number[] = []
  for (const node of seen) {
    if (nfa.tags[node]! >= 0 || nfa.edges[node]!.some((edge) => edge.mask !== 0)) kept.push(node)
  }
  return kept.sort((a, b) => a - b)
}

function tagsOf(nfa: Nfa, set: readonly number[]): ReadonlySet<number> {
  const tags = set.map((node) => nfa.tags[node]!).filter((tag) => tag >= 0)
  return tags.length === 0 ? NO_TAGS : new Set(tags)
}
