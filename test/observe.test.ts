/** Metrics of several threads in one memory, their Prometheus text, and a log that shows no number. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { createLog } from '../src/engine/observe/log.js'
import { METRICS } from '../src/engine/observe/metric-table.js'
import { PrometheusText } from '../src/engine/observe/prometheus.js'
import { metricsMemory, SharedMetrics } from '../src/engine/observe/shared-metrics.js'

/** The table of the public contract. */
const contract = [
  ...['rows_total', 'messages_total', 'parts_submitted_total', 'submit_responses_total', 'submit_response_seconds'],
  ...['receipts_total', 'receipts_unmatched', 'receipt_delay_seconds', 'window_in_flight', 'window_size'],
  ...['rate_limit_per_second', 'throttled_total', 'bind_up', 'bind_reconnects_total', 'unanswered_total'],
  ...['queue_depth', 'oldest_due_seconds', 'store_commit_seconds', 'store_free_bytes', 'webhook_backlog'],
  ...['calls_active', 'inbound_total'],
]

t.test('every metric of the contract is in the table and in the text', async (t) => {
  const { body, contentType } = await new PrometheusText(new SharedMetrics(metricsMemory())).renderMetrics()
  t.match(contentType, /^text\/plain/)
  for (const name of contract) {
    t.ok(
      METRICS.some((row) => row.name === `trunkline_${name}`),
      name,
    )
    t.match(body, `# HELP trunkline_${name} `)
  }
  t.match(body, 'process_cpu_seconds_total', 'the process defaults')
})

t.test('threads count into the same counter without losing one', async (t) => {
  const memory = metricsMemory()
  const module = new URL('../src/engine/observe/shared-metrics.js', import.meta.url).href
  const code = `
    const { workerData } = require('node:worker_threads')
    import(workerData.module).then(({ SharedMetrics }) => {
      const metrics = new SharedMetrics(workerData.memory)
      const counter = metrics.counter('trunkline_rows_total', { result: 'accepted' })
      const histogram = metrics.histogram('trunkline_submit_response_seconds', { carrier: 'acme' })
      for (let index = 0; index < 100_000; index++) counter.add(1)
      for (let index = 0; index < 1_000; index++) histogram.observe(0.003)
    })`
  const workers = [1, 2, 3].map(() => new Worker(code, { eval: true, workerData: { memory, module } }))
  await Promise.all(workers.map((worker) => once(worker, 'exit')))
  const metrics = new SharedMetrics(memory)
  metrics.counter('trunkline_rows_total', { result: 'accepted' }).add(5)
  const { body } = await new PrometheusText(metrics).renderMetrics()
  t.match(body, 'trunkline_rows_total{result="accepted"} 300005')
  t.match(body, 'trunkline_submit_response_seconds_bucket{le="0.0025",carrier="acme"} 0\n')
  t.match(body, 'trunkline_submit_response_seconds_bucket{le="0.005",carrier="acme"} 3000\n')
  t.match(body, 'trunkline_submit_response_seconds_bucket{le="+Inf",carrier="acme"} 3000\n')
  t.match(body, 'trunkline_submit_response_seconds_count{carrier="acme"} 3000\n')
  t.match(body, /trunkline_submit_response_seconds_sum\{carrier="acme"\} (9|8\.99|9\.00)/)
})

t.test('a gauge shows the newest writer, and the same series twice is one', async (t) => {
  const memory = metricsMemory()
  const labels = { carrier: 'acme', bind: '0' }
  const before = new SharedMetrics(memory)
  before.gauge('trunkline_bind_up', labels).set(1)
  const after = new SharedMetrics(memory)
  after.gauge('trunkline_bind_up', labels).set(0)
  after.gauge('trunkline_bind_up', labels).set(1)
  const series = before.read().filter(({ metric }) => metric.name === 'trunkline_bind_up')
  t.strictSame(
    series.map(({ labels, values }) => ({ labels, values })),
    [{ labels, values: [1] }],
  )
})

t.test('an unknown name, kind or label is a programmer error', async (t) => {
  const metrics = new SharedMetrics(metricsMemory())
  t.throws(() => metrics.counter('trunkline_nonsense_total'), /not in the metric table/)
  t.throws(() => metrics.gauge('trunkline_rows_total'), /is a counter/)
  t.throws(() => metrics.counter('trunkline_rows_total', { number: '447' }), /has no label number/)
})

t.test('labels with quotes, newlines and umlauts survive', async (t) => {
  const metrics = new SharedMetrics(metricsMemory())
  metrics.counter('trunkline_throttled_total', { carrier: 'Jörg "x"\n' }).add(2)
  const { body } = await new PrometheusText(metrics).renderMetrics()
  t.match(body, 'trunkline_throttled_total{carrier="Jörg \\"x\\"\\n"} 2')
})

t.test('when the memory is full, counting goes on harmlessly and says so', async (t) => {
  const metrics = new SharedMetrics(metricsMemory())
  for (let index = 0; index < 9_000; index++) {
    metrics.counter('trunkline_throttled_total', { carrier: `c${index}` }).add(1)
  }
  t.equal(metrics.refused, 9_000 - 8_192)
  t.equal(metrics.read().length, 8_192)
})

/** Lines that a log wrote, as it wrote them. */
function capture(): { lines: string[]; stream: { write(line: string): void } } {
  const lines: string[] = []
  return { lines, stream: { write: (line) => void lines.push(line) } }
}

t.test('no phone number and no secret reaches the log, however it is passed', async (t) => {
  const { lines, stream } = capture()
  const log = createLog('debug', stream)
  log.info({ to: '+447712345678', from: 'ACME', nested: { list: ['+447712345678'], number: '447712345678' } }, 'a')
  log.warn({ error: new Error('bad number +447712345678') }, 'to +447712345678')
  log.debug({ carrier: { id: 'acme', password: 'hunter2' }, authorization: 'Bearer sk_live' }, 'b')
  log.error({ text: 'Your code is 1234', bytes: Buffer.from('447712345678') }, 'c')
  const all = lines.join('')
  t.equal(lines.length, 4)
  t.notMatch(all, '7712345678')
  t.notMatch(all, 'hunter2')
  t.notMatch(all, 'sk_live')
  t.notMatch(all, '1234"')
  t.match(all, '+4477****678')
  t.match(all, 'ACME')
})

t.test('the log is one JSON object a line, at and above its level', async (t) => {
  const { lines, stream } = capture()
  const log = createLog('warn', stream)
  log.info({}, 'not this')
  log.warn({ job: 'job_1', at: 7 }, 'this')
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0]!), { level: 40, job: 'job_1', at: 7, msg: 'this', time: /^\d{4}-/ })
})
