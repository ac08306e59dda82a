/**
 * The house rules over src/: who may import whom (docs/architecture.md) and how the code is written. Each rule is first
 * shown a text that breaks it, because a check that cannot fail proves nothing.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { controlBlocksOf, functionsOf, maskCode } from './source-scan.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Source {
  /** Path from the root with '/', such as src/engine/base/heap.ts. */
  path: string
  text: string
  /** The text with comments, strings and regular expressions blanked out. */
  code: string
}

/** What a rule finds wrong in one file; empty: nothing. */
type Rule = (source: Source) => string[]

function sourceOf(path: string, text: string): Source {
  return { path, text, code: maskCode(text) }
}

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  .map((name) => relative(root, join(root, 'src', name)).replaceAll('\\', '/'))
  .map((path) => sourceOf(path, readFileSync(join(root, path), 'utf8')))

const engineLow = ['engine/base', 'engine/contract']
const idea = [
  ...engineLow,
  ...['engine/store', 'engine/text', 'engine/phone', 'engine/schedule', 'engine/config', 'engine/observe'],
]
const channel = ['engine/text', 'engine/config', 'engine/observe', ...engineLow]
/** Folder → what it may import besides itself. Longest folder first. */
const mayImport: readonly (readonly [string, readonly string[]])[] = [
  ['engine/contract', []],
  ['engine/base', ['engine/contract']],
  ['engine/text', engineLow],
  ['engine/phone', ['engine/contract', 'engine/base']],
  ['engine/config', engineLow],
  ['engine/observe', engineLow],
  ['engine/store', [...engineLow, 'engine/observe']],
  ['engine/schedule', [...engineLow, 'engine/phone']],
  // The formats of blocks, states and log are what the loop works on: docs/decisions/0004-dispatch-knows-the-store.md.
  ['engine/dispatch', [...engineLow, 'engine/schedule', 'engine/store', 'engine/observe']],
  // One folder an idea (jobs, accounts, messages …); they may know each other, never the dispatcher.
  ['engine/', [...idea, 'engine/']],
  ['smpp', channel],
  ['sip', channel],
  ['smtp', channel],
  ['ingest', ['engine/']],
  ['drop', ['engine/config', 'engine/observe', ...engineLow]],
  ['http', ['engine/engine.ts', 'engine/config', 'engine/observe', ...engineLow]],
]
const roots = /^src\/(cli\/)?[^/]+\.ts$/

function within(path: string, folder: string): boolean {
  return folder.endsWith('.ts') || folder.endsWith('/') ? path.startsWith(folder) : path.startsWith(`${folder}/`)
}

const imports: Rule = ({ path, text }) => {
  if (roots.test(path)) return []
  const own = path.slice('src/'.length)
  if (own === 'engine/engine.ts') return outside(own, text, ['engine/'])
  const entry = mayImport.find(([folder]) => within(own, folder))
  if (entry === undefined) return [`${path} is in no folder of the architecture`]
  const allowed = own.startsWith('ingest/') || own.startsWith('engine/') ? [...entry[1]] : entry[1]
  const wrong = outside(own, text, [entry[0], ...allowed])
  const dispatch = own.startsWith('engine/dispatch')
    ? []
    : importsOf(own, text).filter((to) => /^engine\/dispatch\//.test(to))
  return [...new Set([...wrong, ...dispatch.map((to) => `${path} imports ${to}`)])]
}

function outside(own: string, text: string, allowed: readonly string[]): string[] {
  return importsOf(own, text)
    .filter((to) => !allowed.some((folder) => within(to, folder)))
    .map((to) => `src/${own} imports ${to}`)
}

/** Relative imports (static, re-export, dynamic) as paths from src/. */
function importsOf(own: string, text: string): string[] {
  const found = text.matchAll(/(?:^|\s)(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)
  return [...found].map(([, to]) =>
    relative(join(root, 'src'), join(root, 'src', own, '..', to!)).replace(/\.js$/, '.ts'),
  )
}

const FILE_LINES_MAX = 400
const FUNCTION_LINES_MAX = 70
const PARAMETERS_MAX = 4
const NESTING_MAX = 3

const length: Rule = ({ path, text }) => {
  const lines = text.trimEnd().split('\n').length
  const isGenerated = path.includes('.generated.')
  return lines > FILE_LINES_MAX && !isGenerated ? [`${path} has ${lines} lines; the cap is ${FILE_LINES_MAX}`] : []
}

const functions: Rule = ({ path, code }) =>
  functionsOf(code).flatMap(({ name, line, lines, parameters }) => [
    ...(lines > FUNCTION_LINES_MAX ? [`${path}:${line} ${name} has ${lines} lines`] : []),
    // The outcome sink takes five: a record per outcome would be an allocation per message.
    ...(parameters > (name === 'settled' || name === 'push' ? 5 : PARAMETERS_MAX)
      ? [`${path}:${line} ${name} takes ${parameters} parameters`]
      : []),
  ])

const nesting: Rule = ({ path, code }) =>
  controlBlocksOf(code)
    .filter(({ depth }) => depth > NESTING_MAX)
    .map(({ line, depth }) => `${path}:${line} a block ${depth} deep`)

const fileName: Rule = ({ path }) => {
  const name = path.split('/').at(-1)!
  const isForbidden = /^(index|utils?|helpers?|types|managers?)\.ts$/.test(name)
  const isKebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.(thread|generated|worker))?\.ts$/.test(name)
  return isForbidden || !isKebab ? [`${path}: call it after its one idea, in kebab-case`] : []
}

const header: Rule = ({ path, text }) =>
  /^(#!.*\n)?\s*(\/\*\*|\/\/ )/.test(text) ? [] : [`${path} does not open with a comment that says what it is`]

const unfinished = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${['XX', 'X'].join('')})\\b`)

/** Words that a file's text or code must not have, with the places where they are at home. */
const words: readonly { pattern: RegExp; in: 'text' | 'code'; home: RegExp | null; say: string }[] = [
  { pattern: unfinished, in: 'text', home: null, say: 'unfinished work goes into an issue' },
  { pattern: /\bexport default\b/, in: 'code', home: null, say: 'named exports only' },
  { pattern: /^\s*(export\s+)?(const\s+)?enum\s/m, in: 'code', home: null, say: 'no enums' },
  { pattern: /^\s*(export\s+)?namespace\s/m, in: 'code', home: null, say: 'no namespaces' },
  { pattern: /^\s*@\w+(\(|\s|$)/m, in: 'code', home: null, say: 'no decorators' },
  { pattern: /^\s*private\s+(?!constructor\b)/m, in: 'code', home: null, say: '#private instead of private' },
  { pattern: /@ts-(ignore|nocheck)/, in: 'text', home: null, say: 'no switched-off type checks' },
  {
    pattern: /\bprocess\.env\b/,
    in: 'code',
    home: /^src\/engine\/config\/(load|client-environment)\.ts$/,
    say: 'the environment is read by config/load.ts, and for clients by config/client-environment.ts',
  },
  { pattern: /\bDate\.now\(/, in: 'code', home: /^src\/engine\/contract\/clock\.ts$/, say: 'time is an argument' },
  {
    pattern: /\bnew Date\(\)/,
    in: 'code',
    home: /^src\/engine\/contract\/clock\.ts$/,
    say: 'time is an argument',
  },
  { pattern: /\bMath\.random\(/, in: 'code', home: null, say: 'chance is an argument' },
  {
    pattern: /\bset(Timeout|Interval)\(/,
    in: 'code',
    home: /^src\/(engine\/contract\/clock\.ts|engine\/dispatch\/|(smpp|sip)\/simulator\/|smpp\/bind\.ts|http\/|[^/]+\.ts$|cli\/)/,
    say: 'timers belong to the clock, the tick, a bind or a server',
  },
]

const wordRules: Rule = (source) =>
  words
    .filter(({ pattern, home, in: where }) => !(home?.test(source.path) ?? false) && pattern.test(source[where]))
    .map(({ say, pattern }) => `${source.path}: ${say} (${pattern.exec(source.text)?.[0]?.trim() ?? pattern})`)

const rules: readonly { name: string; rule: Rule; bad: readonly Source[] }[] = [
  {
    name: 'each folder imports only what the architecture allows',
    rule: imports,
    bad: [
      sourceOf('src/engine/base/a.ts', "import { b } from '../store/b.js'"),
      sourceOf('src/smpp/a.ts', "import { b } from '../http/b.js'"),
      sourceOf('src/http/a.ts', "import { b } from '../engine/store/b.js'"),
      sourceOf('src/ingest/a.ts', "export { b } from '../engine/dispatch/b.js'"),
      sourceOf('src/engine/jobs/a.ts', "const b = await import('../dispatch/b.js')"),
      sourceOf('src/elsewhere/a.ts', ''),
    ],
  },
  {
    name: `a file has at most ${FILE_LINES_MAX} lines`,
    rule: length,
    bad: [sourceOf('src/a.ts', 'x\n'.repeat(FILE_LINES_MAX + 1))],
  },
  {
    name: `a function has at most ${FUNCTION_LINES_MAX} lines and ${PARAMETERS_MAX} parameters`,
    rule: functions,
    bad: [
      sourceOf('src/a.ts', `function a() {\n${'b()\n'.repeat(FUNCTION_LINES_MAX)}}`),
      sourceOf('src/a.ts', `class A {\n  async #b(): Promise<void> {\n${'b()\n'.repeat(FUNCTION_LINES_MAX)}}\n}`),
      sourceOf('src/a.ts', `const a = (b: number) => {\n${'b()\n'.repeat(FUNCTION_LINES_MAX)}}`),
      sourceOf('src/a.ts', 'function a(b: X<1, 2>, c: { d: 1; e: 2 }, f: () => void, g = [1, 2], h: number) {}'),
      sourceOf('src/a.ts', 'class A {\n  b(\n    c: 1,\n    d: 2,\n    e: 3,\n    f: 4,\n    g: 5,\n  ): void {}\n}'),
    ],
  },
  {
    name: `blocks are nested at most ${NESTING_MAX} deep`,
    rule: nesting,
    bad: [
      sourceOf('src/a.ts', 'function a() { if (b) { for (;;) { try { while (c(d)) { e() } } finally {} } } }'),
      sourceOf(
        'src/a.ts',
        'const a = () => { if (b) { f() } else { switch (g()) { case 1: { for (;;) { do {} while (1) } } } } }',
      ),
    ],
  },
  {
    name: 'files are named after one idea, in kebab-case',
    rule: fileName,
    bad: ['src/index.ts', 'src/a/utils.ts', 'src/fairQueue.ts', 'src/Heap.ts'].map((path) => sourceOf(path, '')),
  },
  {
    name: 'each file opens with a comment that says what it is',
    rule: header,
    bad: [sourceOf('src/a.ts', "import { b } from './b.js'")],
  },
  {
    name: 'no forbidden words: environment, clock, chance, timers, enums, default exports, unfinished work',
    rule: wordRules,
    bad: [
      `// ${['TO', 'DO'].join('')}: later`,
      'export default 1',
      'export enum A { B }',
      'const a = process.env.A',
      'const a = Date.now()',
      'const a = new Date()',
      'const a = Math.random()',
      'setTimeout(a, 1)',
      'class A {\n  private b = 1\n}',
      'namespace A {}',
    ].map((text) => sourceOf('src/engine/jobs/a.ts', text)),
  },
]

for (const { name, rule, bad } of rules) {
  t.test(name, async (t) => {
    for (const source of bad)
      t.not(rule(source).length, 0, `the rule finds: ${source.text.slice(0, 40) || source.path}`)
    t.strictSame(
      sources.flatMap((source) => rule(source)),
      [],
    )
  })
}

t.test('a function within a block counts its nesting anew', async (t) => {
  const source = sourceOf('src/a.ts', 'if (a) { if (b) { if (c) { d((e) => { if (e) { f({ g: 1 }) } }) } } }')
  t.strictSame(nesting(source), [])
})

t.test('words in strings and comments are not code', async (t) => {
  const source = sourceOf(
    'src/engine/jobs/a.ts',
    "/** Date.now() */\nconst a = 'Math.random()' // setTimeout(\nconst b = /process.env/",
  )
  t.strictSame(wordRules(source), [])
})

t.test('every source file was looked at', async (t) => {
  t.ok(sources.length > 30, `${sources.length} files`)
})

interface LockedPackage {
  dev?: boolean
  engines?: { node?: string }
  resolved?: string
}

/** Whether a Node version satisfies a range of the forms that packages use: `>=20.1 <30`, `^20.17.0 || >=22`, `18 || 20`. */
function satisfies(version: number[], range: string): boolean {
  return range.split('||').some((alternative) => {
    const bounds = alternative.trim().replace(/([<>=^~]+)\s+/g, '$1')
    return bounds.split(/\s+/).every((bound) => satisfiesOne(version, bound))
  })
}

function satisfiesOne(version: number[], bound: string): boolean {
  const [, operator, numbers] = /^([<>=^~]*)v?([\d.x*]*)/.exec(bound)!
  const wanted = numbers!.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : 0))
  const order =
    [0, 1, 2].map((place) => version[place]! - (wanted[place] ?? 0)).find((difference) => difference !== 0) ?? 0
  if (numbers === '' || numbers === '*') return true
  if (operator === '>=') return order >= 0
  if (operator === '>') return order > 0
  if (operator === '<') return order < 0
  return version[0] === wanted[0] && (operator === '' || order >= 0)
}

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(root, name), 'utf8')) as T
}

t.test('every package of run time says that it runs on the oldest Node that we name', async (t) => {
  const oldest = /\d+\.\d+\.\d+/.exec(readJson<{ engines: { node: string } }>('package.json').engines.node)![0]
  const version = oldest.split('.').map(Number)
  t.ok(satisfies(version, '^18 || >=20.9.0 <30') && !satisfies(version, '>=22') && !satisfies(version, '^20.19.0'))
  const { packages } = readJson<{ packages: Record<string, LockedPackage> }>('package-lock.json')
  const wrong = Object.entries(packages)
    .filter(([, { dev, engines }]) => !dev && engines?.node !== undefined && !satisfies(version, engines.node))
    .map(([name, { engines }]) => `${name} wants Node ${engines!.node}`)
  t.strictSame(wrong, [])
  const mirrored = Object.values(packages).filter(
    ({ resolved }) => resolved && !resolved.startsWith('https://registry.npmjs.org/'),
  )
  t.strictSame(mirrored, [], 'the lockfile names no private mirror')
})
