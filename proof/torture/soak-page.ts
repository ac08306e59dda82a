/** The page of a soak: what was done to the engine, and what came of it. */
import type { TortureResult } from './torture-run.js'
import { BOUNDS, machineName } from './watch.js'

interface About {
  seed: number
  minutes: number
  commit: string
}

type Line = readonly [string, string | number]

const MEBIBYTE = 2 ** 20

export function soakPage(result: TortureResult, about: About): string {
  const { violations } = result
  return `# Soak

Written by \`npm run torture -- --minutes ${about.minutes} --seed ${about.seed} --page docs/soak.md\`; do not edit. What is done and
checked: [reliability.md](reliability.md).

Commit ${about.commit}, ${new Date().toISOString().slice(0, 10)}, ${machineName()}, Node ${process.versions.node}. **${violations.length} violations.**

## What was done to the engine
${table('done', 'times', [...sorted(result.ends), ['all ends, stops and freezes', result.endsTotal], ['of these beside another fault', share(result)], ['pages of the disk that power cuts took away', result.pagesLost]])}

## What was done around it
${table('trouble', 'times', sorted(result.troubles))}

## What came of it
${table('counted', '', outcomes(result))}
${violations.length === 0 ? '' : `\n## Violations\n${violations.map(({ invariant, id, detail }) => `- ${invariant} ${id}: ${detail}`).join('\n')}\n`}`
}

function share({ overlapping, endsTotal }: TortureResult): string {
  return `${overlapping} (${endsTotal === 0 ? 0 : Math.round((100 * overlapping) / endsTotal)} %)`
}

function outcomes({ report, peaks, ...result }: TortureResult): Line[] {
  const { slowestStartMs, drainMs, accepted, repeatedRequests, looks, seconds } = result
  return [
    ['seconds', seconds],
    ['messages accepted, each found in one state at the end', accepted],
    ['requests that were repeated because nobody answered', repeatedRequests],
    ['parts that carriers saw', report?.submits ?? 0],
    ['of these again, because it was not known whether they had been taken', report?.repeated ?? 0],
    ['most of them after one lost bind', report?.repeatsPerBind ?? 0],
    ['receipts answered', report?.receipts ?? 0],
    ['messages that the receiver of webhooks was told of', report?.told ?? 0],
    ['opt-outs while messages waited', report?.optOuts ?? 0],
    ['looks between two ends', looks],
    ['slowest start', `${(slowestStartMs / 1_000).toFixed(1)} s`],
    ['until nothing waited any more', `${(drainMs / 1_000).toFixed(1)} s`],
    ['most memory of its own', `${Math.round(peaks.ownBytes / MEBIBYTE)} MiB of ${BOUNDS.ownBytes / MEBIBYTE}`],
    ['most open files', `${peaks.files} of ${BOUNDS.files}`],
    ['largest store', `${Math.round(peaks.storeBytes / MEBIBYTE)} MiB`],
    ['slowest answer of /healthz', `${Math.round(peaks.answerMs)} ms`],
  ]
}

function sorted(counts: Record<string, number>): Line[] {
  return Object.entries(counts).sort(([, a], [, b]) => b - a)
}

function table(left: string, right: string, lines: readonly Line[]): string {
  return [`| ${left} | ${right} |`, '|---|---|', ...lines.map(([name, value]) => `| ${name} | ${value} |`)].join('\n')
}
