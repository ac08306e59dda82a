/**
 * A small reader of TypeScript source for the house rules: blanks out what is no code, and finds functions by their
 * brackets. TypeScript 7 has no parser to call from JavaScript.
 */

/** Same length and lines; comments, texts and regular expressions become blanks (the code inside `${}` is kept). */
export function maskCode(text: string): string {
  const out =
    [...text].length === text.length ? text.split('') : Array.from({ length: text.length }, (_, i) => text[i]!)
  let at = 0
  let last = ''
  /** Bracket depth at which each open template expression ends. */
  const templates: number[] = []
  let depth = 0
  const blank = (from: number, to: number): void => {
    for (let place = from; place < to; place++) if (out[place] !== '\n') out[place] = ' '
  }
  const template = (from: number): void => {
    const end = templateEnd(text, from)
    blank(from, end.at)
    at = end.at
    if (end.isExpression) templates.push(depth)
    else last = '`'
  }
  while (at < text.length) {
    const char = text[at]!
    if (char === '`') template(at + 1)
    else if (char === '}' && templates.at(-1) === depth) {
      templates.pop()
      template(at + 1)
    } else {
      const end = skipped(text, at, last)
      if (end > at) {
        blank(at, end)
        at = end
        if (char !== '/' || last !== ' ') last = char === '/' && /[/*]/.test(text[at - 1] ?? '') ? last : "'"
      } else {
        if (char === '{') depth++
        if (char === '}') depth--
        if (!/\s/.test(char)) last = /[\w$]/.test(char) && /[\w$]/.test(text[at - 1] ?? '') ? last + char : char
        at++
      }
    }
  }
  return out.join('')
}

/** Offset behind the comment, text or regular expression that starts here; `at` itself when none does. */
function skipped(text: string, at: number, last: string): number {
  const char = text[at]!
  if (char === "'" || char === '"') return quotedEnd(text, at + 1, char)
  if (char !== '/') return at
  if (text[at + 1] === '/') return lineEnd(text, at)
  if (text[at + 1] === '*') return text.indexOf('*/', at) + 2
  // A slash begins a regular expression where a value is expected.
  const isValueExpected =
    last === '' || /[(,=:[!&|?{};+\-*%<>~^]$/.test(last) || /^(return|typeof|case|in|of)$/.test(last)
  return isValueExpected ? regexEnd(text, at + 1) : at
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

function quotedEnd(text: string, from: number, quote: string): number {
  let at = from
  while (at < text.length && text[at] !== quote) at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function regexEnd(text: string, from: number): number {
  let at = from
  let isClass = false
  while (at < text.length && (isClass || text[at] !== '/')) {
    if (text[at] === '[') isClass = true
    if (text[at] === ']') isClass = false
    at += text[at] === '\\' ? 2 : 1
  }
  return at + 1
}

function templateEnd(text: string, from: number): { at: number; isExpression: boolean } {
  let at = from
  while (at < text.length && text[at] !== '`') {
    if (text[at] === '$' && text[at + 1] === '{') return { at: at + 2, isExpression: true }
    at += text[at] === '\\' ? 2 : 1
  }
  return { at: at + 1, isExpression: false }
}

export interface FoundFunction {
  name: string
  /** Line from 1 where it starts. */
  line: number
  /** From its name to its closing bracket. */
  lines: number
  parameters: number
}

const notFunctions: ReadonlySet<string> = new Set(['if', 'for', 'while', 'switch', 'catch', 'return', 'with', 'of'])

/** Functions, methods and arrow functions with a body in brackets; `code` comes from maskCode. */
export function functionsOf(code: string): FoundFunction[] {
  const found: FoundFunction[] = []
  for (let open = code.indexOf('('); open >= 0; open = code.indexOf('(', open + 1)) {
    const close = closing(code, open)
    const body = bodyStart(code, close + 1)
    if (body < 0) continue
    const before = code.slice(Math.max(0, open - 120), open)
    const name = /([#\w$]+)\s*(<[^()]*>)?\s*$/.exec(before)?.[1] ?? 'arrow function'
    if (notFunctions.has(name)) continue
    const lines = code.slice(open, closing(code, body) + 1).split('\n').length
    found.push({
      name,
      line: code.slice(0, open).split('\n').length,
      lines,
      parameters: parametersOf(code.slice(open + 1, close)),
    })
  }
  return found
}

/** Where the body's bracket is behind a parameter list: `{`, `: Type {`, `=> {`, `: Type => {`; -1: no body. */
function bodyStart(code: string, from: number): number {
  const behind = /^\s*(=>\s*)?\{/.exec(code.slice(from, from + 200))
  if (behind !== null) return from + behind[0].length - 1
  if (!/^\s*:/.test(code.slice(from, from + 200))) return -1
  return behindType(code, code.indexOf(':', from) + 1)
}

/** Reads a return type; a `{` where a type is complete is the body. */
function behindType(code: string, from: number): number {
  let isComplete = false
  for (let at = from; at < code.length; at++) {
    const char = code[at]!
    if (/\s/.test(char)) {
      if (char === '\n' && isComplete && !/^\s*([|&{]|=>)/.test(code.slice(at, at + 200))) return -1
      continue
    }
    if (char === '{' && isComplete) return at
    if (char === '=' && code[at + 1] === '>') {
      const body = /^\s*\{/.exec(code.slice(at + 2, at + 100))
      if (body !== null) return at + 1 + body[0].length
      at++
      isComplete = false
    } else if ('{([<'.includes(char)) {
      at = closing(code, at)
      isComplete = true
    } else if (/[;,)}\]=?]/.test(char)) return -1
    else if (char === '|' || char === '&') isComplete = false
    else isComplete = !/\b(is|extends|keyof|typeof|readonly|asserts)$/.test(code.slice(from, at + 1))
  }
  return -1
}

const pairs: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']', '<': '>' }

/** Offset of the bracket that closes the one at `open`; the end of the code where none does. */
function closing(code: string, open: number): number {
  const left = code[open]!
  const right = pairs[left]!
  let depth = 0
  for (let at = open; at < code.length; at++) {
    if (code[at] === left) depth++
    else if (code[at] === right && !(right === '>' && code[at - 1] === '=') && --depth === 0) return at
  }
  return code.length - 1
}

/** Commas at the top level of a parameter list, plus one; a trailing comma adds none. */
function parametersOf(list: string): number {
  let depth = 0
  let count = 1
  const trimmed = list.trim().replace(/,$/, '')
  if (trimmed === '') return 0
  for (let at = 0; at < trimmed.length; at++) {
    const char = trimmed[at]!
    if ('({[<'.includes(char)) depth++
    else if (')}]'.includes(char) || (char === '>' && trimmed[at - 1] !== '=')) depth--
    else if (char === ',' && depth === 0) count++
  }
  return count
}

/** A control block, such as `if (…) {`, and how many of them are open in its function, itself included. */
export interface FoundBlock {
  line: number
  depth: number
}

/** Every block of if, else, for, while, do, switch, try, catch and finally; a function inside begins anew at 0. */
export function controlBlocksOf(code: string): FoundBlock[] {
  const found: FoundBlock[] = []
  const depths = [0]
  for (let at = 0; at < code.length; at++) {
    if (code[at] === '{') {
      const outside = depths.at(-1)!
      const control = isControl(code, at)
      if (control) found.push({ line: code.slice(0, at).split('\n').length, depth: outside + 1 })
      // Behind these characters an object or the block of a case begins; behind others the body of a function or class.
      const isWithin = /[:=(,[?;{]\s*$/.test(code.slice(Math.max(0, at - 200), at))
      depths.push(control ? outside + 1 : isWithin ? outside : 0)
    } else if (code[at] === '}') depths.pop()
  }
  return found
}

function isControl(code: string, open: number): boolean {
  const before = code.slice(0, open).trimEnd()
  if (/\b(else|try|do|finally)$/.test(before.slice(-10))) return true
  return before.endsWith(')') && /\b(if|for|for await|while|switch|catch)\s*$/.test(headBefore(before))
}

/** What stands before the bracket that the last one of `code` closes. */
function headBefore(code: string): string {
  let depth = 0
  for (let at = code.length - 1; at >= 0; at--) {
    if (code[at] === ')') depth++
    else if (code[at] === '(' && --depth === 0) return code.slice(Math.max(0, at - 20), at)
  }
  return ''
}
