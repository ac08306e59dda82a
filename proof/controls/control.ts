/**
 * What a positive control is (reliability.md, harness design): a build of the product in which one rule is broken, and the
 * check that must notice. A checker that cannot fail is worth nothing.
 */

/** One place of a source, by its exact text: it must be there once, in the source as in what was built from it. */
export interface Patch {
  /** Below src/, without its ending. */
  file: string
  before: string
  /** The source has no semicolons: with a bracket at its start, where `before` has none, it would call the line before. */
  after: string
}

/** A program of the build, run as a process of its own. */
export interface Check {
  /** Below build/, without its ending. */
  program: string
  args?: readonly string[]
  /** Of a program of tests: only the tests whose name has this. */
  only?: string
  /** What it must say, beside ending with a code above 0, when it found the rule to be broken. */
  finds: string
}

export interface Control {
  name: string
  /** As reliability.md numbers them. */
  promise: string
  /** What is done otherwise, in words. */
  breaks: string
  patches: readonly Patch[]
  check: Check
}
