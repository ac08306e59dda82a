/** Play lists made ready, as the dispatcher asks for them: the speech thread with espeak-ng, and its cache. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { metricsMemory } from '../src/engine/observe/shared-metrics.js'
import { SpeechLink } from '../src/sip/speech/speech-link.js'
import { SpeechKeeper } from '../src/start-speech.js'
import type { BenchOptions, BenchRow } from './bench.js'

/** As many as are being made ready at a time in a busy engine. */
const AT_ONCE = 32

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-bench-speech-'))
  const carriers = '[{ id: pbx, protocol: sip, host: 127.0.5.3, callerId: "+441632960001" }]'
  const config = parseConfig(`{ dataDir: ${folder}, carriers: ${carriers} }`, { name: 'bench', folder, env: {} })
  const keeper = new SpeechKeeper({ config, log: silentLog, metrics: metricsMemory() })
  const link = new SpeechLink()
  keeper.serve((port) => link.use(port))
  const speak = (n: number) =>
    new Promise<void>((resolve, reject) => {
      const text = `Hello. Your appointment with number ${n} is on Tuesday at 14:30.`
      link.prepare({ language: '', items: [{ text }] }, (result) => {
        if ('reason' in result) reject(new Error(result.detail))
        else resolve()
      })
    })
  try {
    await speak(-1)
    const texts = options.quick ? 20 : 400
    const known = options.quick ? 200 : 20_000
    const rendered = await perSecond(texts, speak)
    const hits = await perSecond(known, (n) => speak(n % texts))
    return [
      { name: 'texts of 11 words, each another one, spoken by espeak-ng', value: rendered, unit: '/s' },
      { name: 'texts that were spoken before', value: hits, unit: '/s' },
    ]
  } finally {
    await keeper.stop()
    rmSync(folder, { recursive: true })
  }
}

async function perSecond(count: number, work: (n: number) => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint()
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return count / (Number(process.hrtime.bigint() - start) / 1e9)
}
