/**
 * All benchmarks in turn, each in a process of its own so that none warms up or fragments another's heap, and the pages
 * docs/benchmarks.md and docs/performance.md (its table of goals) made from what they found.
 *
 *   npm run bench                 everything; writes the pages
 *   npm run bench -- --quick      small sizes, prints only: that everything runs
 *   npm run bench -- codec store  some of them; writes the pages where the others have run before (.bench/)
 */
import { fork } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { BenchOptions, BenchRow } from './bench.js'
import { keepRows, keptOf, writeGoals } from './goals.js'

interface Module {
  bench(options?: BenchOptions): Promise<BenchRow[]>
}

interface Section {
  title: string
  /** What the numbers are of, and what they are not. */
  says: string
  load(): Promise<Module>
}

const SECTIONS: Record<string, Section> = {
  codec: {
    title: 'SMPP codec',
    says: 'CPU time of one operation. npm `smpp` is the other implementation that the tests use.',
    load: () => import('./codec.js'),
  },
  'sip-messages': {
    title: 'SIP messages',
    says: 'CPU time of one operation; a call has about eight messages.',
    load: () => import('./sip-messages.js'),
  },
  'sip-signalling': {
    title: 'SIP signalling',
    says: 'Calls that are refused (INVITE, 100, 486, ACK) over UDP, 50 at once, both ends on this machine; SIPp (C++) against itself, asked for 5,000 a second, is the other.',
    load: () => import('./sip-signalling.js'),
  },
  speech: {
    title: 'Speech',
    says: 'Play lists of one text made ready, 32 at a time: by the program, and from what it has spoken before.',
    load: () => import('./speech.js'),
  },
  submit: {
    title: 'Window and socket',
    says: 'One session over loopback to a carrier in C that costs next to nothing; no store. `limit` is a client in C that writes PDUs encoded before. With latency the ideal is the window a round trip.',
    load: () => import('./submit.js'),
  },
  'many-binds': {
    title: 'A hundred binds',
    says: 'A hundred carriers of one bind and 20 parts a second each; the SMSC of ten cuts their connections again and again.',
    load: () => import('./many-binds.js'),
  },
  segment: {
    title: 'Texts and numbers',
    says: 'Choosing the encoding and cutting parts; parsing and classifying numbers.',
    load: () => import('./segment.js'),
  },
  'opt-out': {
    title: 'Opting out',
    says: 'What each message pays to be asked for just before the write, and for a link of its own; CPU time, in memory but for numbers that are suppressed.',
    load: () => import('./opt-out.js'),
  },
  csv: {
    title: 'CSV',
    says: 'Reading records only, and the whole ingest of a file with its durable commits.',
    load: () => import('./csv.js'),
  },
  record: {
    title: 'Records',
    says: 'Writing and reading stored messages of one part, checksums included; in memory.',
    load: () => import('./record.js'),
  },
  store: {
    title: 'Store and dispatch loop',
    says: 'The whole life of a message, durable: append, claim, authorise, answer, receipt. A carrier in memory, no socket.',
    load: () => import('./store.js'),
  },
  contacts: {
    title: 'Contacts',
    says: 'Over HTTP, 1,000,000 contacts with numbers in no order, every answer durable; 200,000 more by lists. Memory is anonymous and shared.',
    load: () => import('./contacts.js'),
  },
  http: {
    title: 'Accepting over HTTP',
    says: 'Messages accepted, each answered when it is on disk, beside an empty route of fastify; the client is a process on the same cores.',
    load: () => import('./http.js'),
  },
  'end-to-end': {
    title: 'End to end',
    says: 'CSV over HTTP → durable queue → submit → response → receipt → delivered. Engine and the carrier in C are processes on the same cores.',
    load: () => import('./end-to-end.js'),
  },
  growth: {
    title: 'With millions queued',
    says: 'The same job end to end on an engine with nothing else and on one in which millions wait, in turn, with 1, 10 and 50 million; starts after kill -9. Takes 15 GB of disk.',
    load: () => import('./growth.js'),
  },
  starts: {
    title: 'Starts',
    says: 'kill -9 and a new start, until it answers and until a message that is handed in then is submitted.',
    load: () => import('./starts.js'),
  },
  cycles: {
    title: 'Disk',
    says: 'The same job again and again, the clock set ahead each time by more than messages are kept, without compaction.',
    load: () => import('./cycles.js'),
  },
  urgent: {
    title: 'An urgent message',
    says: 'One message of high priority at a time while 10 million wait and the whole window of the carrier (100, 10 ms) is busy with others; its submit is stamped by the carrier.',
    load: () => import('./urgent.js'),
  },
  voice: {
    title: 'Calls',
    says: 'The whole engine to simulated gateways, which measure what arrives, and SIPp beside it; all are processes on the same cores.',
    load: () => import('./voice.js'),
  },
}

/** Runs one module in this process and gives its rows to the parent. */
async function runOne(name: string, options: BenchOptions): Promise<void> {
  const { bench } = await SECTIONS[name]!.load()
  process.send!(await bench(options))
}

function runInChild(name: string, options: BenchOptions): Promise<BenchRow[]> {
  const child = fork(fileURLToPath(import.meta.url), ['--child', name, ...(options.quick ? ['--quick'] : [])])
  return new Promise((resolve, reject) => {
    let rows: BenchRow[] | null = null
    child.on('message', (message) => {
      rows = message as BenchRow[]
    })
    child.on('exit', (code) => {
      if (rows !== null && code === 0) resolve(rows)
      else reject(new Error(`the benchmark ${name} ended with ${code}`))
    })
  })
}

/** Three significant digits, so that a page does not pretend to more; thousands are grouped. */
function shown(value: number): string {
  if (value === 0) return '0'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  const rounded = Number(value.toPrecision(3))
  return rounded.toLocaleString('en-GB', { maximumFractionDigits: digits, minimumFractionDigits: 0 })
}

function ratioText({ ratio, ratioTo, name }: BenchRow): string {
  return ratio === undefined || ratioTo === name ? '' : `${shown(ratio)} × ${ratioTo}`
}

function table(rows: BenchRow[]): string {
  const lines = rows.map((row) => `| ${row.name} | ${shown(row.value)} ${row.unit} | ${ratioText(row)} |`)
  return ['| what | median | ratio in the same run |', '|---|---:|---|', ...lines].join('\n')
}

function machine(): string {
  const memory = Math.round(totalmem() / 2 ** 30)
  const kernel = readFileSync('/proc/sys/kernel/osrelease', 'latin1').trim()
  return `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), ${memory} GiB, Linux ${kernel}, Node ${process.version}`
}

function page(found: { section: Section; rows: BenchRow[] }[]): string {
  const sections = found.map(({ section, rows }) => `## ${section.title}\n${section.says}\n\n${table(rows)}\n`)
  return `# Benchmarks

Generated by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}; do not edit.

Machine: ${machine()}. Medians of several rounds taken in turn after a warm-up. Absolute numbers are this machine's; the
ratios compare two ways in the same run, and are what to look at. \`npm run bench -- --quick\` shows in a minute that all of them run.

${sections.join('\n')}`
}

async function runAll(names: string[], options: BenchOptions): Promise<void> {
  for (const name of names) {
    const section = SECTIONS[name]
    if (section === undefined)
      throw new Error(`no benchmark is called ${name}; there are ${Object.keys(SECTIONS).join(', ')}`)
    console.log(`\n${section.title}`)
    const rows = await runInChild(name, options)
    for (const row of rows) console.log(`  ${row.name}: ${shown(row.value)} ${row.unit}  ${ratioText(row)}`.trimEnd())
    if (!options.quick) keepRows(name, rows)
  }
  if (options.quick) return
  writeGoals()
  writePage()
}

/** From what each section found when it ran last, once all have run. */
function writePage(): void {
  const found: { section: Section; rows: BenchRow[] }[] = []
  for (const [name, section] of Object.entries(SECTIONS)) {
    const rows = keptOf(name)
    if (rows === null) return
    found.push({ section, rows })
  }
  writeFileSync(fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url)), page(found))
  console.log('\nwritten: docs/benchmarks.md')
}

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean' }, child: { type: 'string' } },
  allowPositionals: true,
})
const options: BenchOptions = { quick: values.quick === true }
if (values.child !== undefined) await runOne(values.child, options)
else await runAll(positionals.length > 0 ? positionals : Object.keys(SECTIONS), options)
