/**
 * Every metric: name, kind, labels and what it means. The names are part of the public contract; docs/metrics.md is
 * generated from here. No phone number, text or URL is ever a label.
 */
export interface MetricRow {
  name: string
  kind: 'counter' | 'gauge' | 'histogram'
  labels: readonly string[]
  help: string
  /** Upper bounds of a histogram's buckets, in the unit of its name. */
  buckets: readonly number[]
}

const responseSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const receiptSeconds = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400, 259_200]
const callSeconds = [0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 120, 300]
const commitSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

function counter(name: string, labels: readonly string[], help: string): MetricRow {
  return { name, kind: 'counter', labels, help, buckets: [] }
}
function gauge(name: string, labels: readonly string[], help: string): MetricRow {
  return { name, kind: 'gauge', labels, help, buckets: [] }
}
function histogram(row: Omit<MetricRow, 'kind'>): MetricRow {
  return { ...row, kind: 'histogram' }
}

/** The position in the table is what the shared memory stores; it holds for one process run only. */
export const METRICS: readonly MetricRow[] = [
  counter('trunkline_rows_total', ['result'], 'Rows of files: accepted, rejected, suppressed or duplicate.'),
  counter('trunkline_messages_total', ['channel', 'carrier', 'state'], 'Messages that reached a state.'),
  counter('trunkline_parts_submitted_total', ['carrier', 'bind'], 'Parts written to a carrier.'),
  counter('trunkline_submit_responses_total', ['carrier', 'status'], 'Answers to parts, by status name.'),
  histogram({
    name: 'trunkline_submit_response_seconds',
    labels: ['carrier'],
    help: 'Time from a part written to its answer.',
    buckets: responseSeconds,
  }),
  counter('trunkline_receipts_total', ['carrier', 'state'], 'Receipts joined to a message, by message state.'),
  gauge('trunkline_receipts_unmatched', ['carrier'], 'Receipts that wait for their message to appear.'),
  counter(
    'trunkline_receipts_unrecognised_total',
    ['carrier'],
    'Receipts with a stat that nobody knows, or without an id.',
  ),
  histogram({
    name: 'trunkline_receipt_delay_seconds',
    labels: ['carrier'],
    help: 'Time from the answer to a part to its final receipt.',
    buckets: receiptSeconds,
  }),
  gauge('trunkline_window_in_flight', ['carrier', 'bind'], 'Parts written and not answered.'),
  gauge(
    'trunkline_window_size',
    ['carrier', 'bind'],
    'Most parts that may be unanswered; less than configured while the carrier answers slowly.',
  ),
  gauge(
    'trunkline_rate_limit_per_second',
    ['carrier'],
    'Limit in force, in parts per second: less than the agreed one while the carrier throttles; 0: none.',
  ),
  counter('trunkline_throttled_total', ['carrier'], 'Answers that told us to slow down.'),
  counter(
    'trunkline_carrier_actions_total',
    ['carrier', 'action'],
    'Times that a rule slowed, rerouted, suspended or stopped it.',
  ),
  gauge('trunkline_carrier_action_active', ['carrier', 'action'], '1 while a rule acts on the carrier, else 0.'),
  gauge('trunkline_bind_up', ['carrier', 'bind'], '1 while the bind is bound, else 0.'),
  counter('trunkline_bind_reconnects_total', ['carrier', 'bind'], 'Connections after the first.'),
  counter('trunkline_unanswered_total', ['carrier', 'policy'], 'Parts written whose answer never came.'),
  gauge('trunkline_queue_depth', ['route', 'priority'], 'Messages that are durable and not sent.'),
  gauge('trunkline_oldest_due_seconds', ['route', 'priority'], 'How long the oldest due message has waited.'),
  histogram({
    name: 'trunkline_store_commit_seconds',
    labels: [],
    help: 'Time of one durable commit.',
    buckets: commitSeconds,
  }),
  gauge('trunkline_store_free_bytes', [], 'Free space of the disk that holds dataDir.'),
  gauge('trunkline_webhook_backlog', [], 'Entries that wait to be delivered to webhooks.'),
  gauge('trunkline_calls_active', ['carrier'], 'Calls under way, from the first request to the end.'),
  counter(
    'trunkline_inbound_total',
    ['carrier', 'kind'],
    'Messages from subscribers: message, incomplete and late are listed; part, repeat, refused and corrupt are not.',
  ),
  counter(
    'trunkline_drops_total',
    ['state'],
    'Dropped files that came to a state: sending (moved to processed), then done or canceled; or failed (moved to error).',
  ),
  gauge('trunkline_drops_waiting', [], 'Files in the drop folders that are not taken yet.'),
  gauge('trunkline_site_sessions', ['protocol'], 'Sessions of SFTP and FTP that are logged in.'),
  counter(
    'trunkline_site_logins_total',
    ['protocol', 'result'],
    'Log-ins over SFTP and FTP: ok, refused, locked (too many were refused), too many (sessions).',
  ),
  counter(
    'trunkline_site_connections_refused_total',
    ['protocol'],
    'Connections closed at once: too many from one address, or altogether.',
  ),
  counter('trunkline_site_uploads_total', ['protocol', 'result'], 'Files uploaded: done, or broken off.'),
  counter('trunkline_site_upload_bytes_total', ['protocol'], 'Octets of the files that were uploaded.'),
  counter(
    'trunkline_speech_renders_total',
    ['result'],
    'Texts that were to be spoken and were not in the cache: ok, failed, unavailable (no program).',
  ),
  counter('trunkline_speech_cache_hits_total', [], 'Texts of calls that had been spoken before.'),
  histogram({
    name: 'trunkline_speech_render_seconds',
    labels: [],
    help: 'Time of the program for one text, with conversion.',
    buckets: responseSeconds,
  }),
  gauge('trunkline_speech_cache_bytes', [], 'Octets of dataDir/speech.'),
  gauge('trunkline_speech_waiting', [], 'Texts that wait to be spoken.'),
  counter(
    'trunkline_sip_dropped_total',
    ['carrier', 'reason'],
    'What came over SIP and was no use: garbage, malformed, slow (connections without a message), crowded (too many).',
  ),
  counter(
    'trunkline_calls_total',
    ['carrier', 'result', 'status'],
    'Calls that ended, one for each gateway that was tried: heard, partlyHeard, or why they were not answered; by SIP status.',
  ),
  histogram({
    name: 'trunkline_call_ring_seconds',
    labels: ['carrier'],
    help: 'From the first request of a call to the answer, or to its end.',
    buckets: callSeconds,
  }),
  histogram({
    name: 'trunkline_call_talk_seconds',
    labels: ['carrier'],
    help: 'From the answer to the end.',
    buckets: callSeconds,
  }),
  gauge(
    'trunkline_gateway_up',
    ['carrier', 'gateway'],
    '1 while a gateway answers, and we are registered where that is wanted.',
  ),
  counter(
    'trunkline_requests_refused_total',
    ['code', 'bound'],
    'Requests answered 429 or 503: by code, and by the bound that was reached (requests, bodies, answers, memory, uploads, downloads, commits, reading, jobs) or none.',
  ),
  gauge('trunkline_http_connections', [], 'Open connections of the API.'),
  counter(
    'trunkline_http_connections_dropped_total',
    ['reason'],
    'Connections that we closed: idle (others came), full (all are busy), reader (takes nothing of its answer), upload (does not get on).',
  ),
  gauge('trunkline_http_requests_open', [], 'Requests under way.'),
  gauge('trunkline_http_body_bytes', [], 'Octets of JSON bodies that are read or worked on.'),
  gauge('trunkline_http_answer_bytes', [], 'Octets of answers that wait to be read.'),
  counter(
    'trunkline_answers_broken_off_total',
    ['code'],
    'Downloads that were begun and could not be finished, by code: STORE_CORRUPT is a damaged record, which the log names.',
  ),
  counter(
    'trunkline_damaged_found_total',
    ['what'],
    'Stored messages that a reader found damaged or gone, each once since the start: message, or block, of up to 256; the log names them.',
  ),
]

export const metricIndex: ReadonlyMap<string, number> = new Map(METRICS.map((row, index) => [row.name, index]))
