/**
 * Patterns that an operator writes for texts that a peer writes: refused where backtracking could take exponential time, so
 * that no text can hold the thread. The caller bounds the length of the text.
 */

/** What is wrong with it, in words; null: it may be compiled. `groups`: names of which it must have at least one, if any. */
export function patternProblem(source: string, groups: readonly string[]): string | null {
  try {
    new RegExp(source, 'i')
  } catch (error) {
    return `is no pattern: ${(error as Error).message}`
  }
  if (/\\[1-9]|\\k</.test(source)) return 'must not refer back to a group'
  if (/\(\?<?[=!]/.test(source)) return 'must not look ahead or behind'
  if (groups.length > 0 && !groups.some((name) => source.includes(`(?<${name}>`)))
    return `must have one of the groups ${groups.join(', ')}`
  return repeatsAmbiguously(source) ? 'must not repeat a group that has a repetition or a choice within' : null
}

/** True when a repeated group holds a repetition or a choice: `(a+)*`, `(a|a)+`. */
function repeatsAmbiguously(source: string): boolean {
  const open: boolean[] = [false]
  for (let at = 0; at < source.length; at++) {
    const character = source[at]!
    if (character === '\\') at++
    else if (character === '[') at = classEnd(source, at)
    else if (character === '(') open.push(false)
    else if (character === ')') {
      const ambiguous = open.pop()!
      if (ambiguous && isRepetition(source, at + 1)) return true
      open[open.length - 1] ||= ambiguous
    } else if (character === '|' || isRepetition(source, at)) open[open.length - 1] = true
  }
  return false
}

/** `?` alone is no repetition: it doubles nothing. */
function isRepetition(source: string, at: number): boolean {
  return source[at] === '*' || source[at] === '+' || /^\{\d+,?\d*\}/.test(source.slice(at, at + 12))
}

function classEnd(source: string, from: number): number {
  let at = from + 1
  while (at < source.length && source[at] !== ']') at += source[at] === '\\' ? 2 : 1
  return at
}
