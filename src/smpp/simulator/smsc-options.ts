/** What a simulated carrier is told at its start. */
export interface SmscOptions {
  host: string
  /** 0: any free port. */
  port: number
  /** Submits accepted per second, over all binds; more is answered with ESME_RTHROTTLED. Absent: no limit. */
  ratePerSecond?: number
  /** Between a submit and its response. Default 0. */
  latencyMs?: number
  /** Between a submit and its receipt. Default 0: as soon as possible after the response. */
  receiptDelayMs?: number
  /** See faults.ts. */
  faults?: string
  /** How receipts are written, see dialect.ts. */
  dialect?: string
  seed?: number
  /** Appended to; see ledger.ts. */
  ledgerPath?: string
  /** HTTP port that answers GET / with the statistics as JSON. */
  statsPort?: number
  /** Only this system_id is admitted. */
  systemId?: string
  password?: string
  /** Sessions of one system_id at once; more get ESME_RALYBND. */
  maxBinds?: number
  /** Counts distinct messages and repeats: about 30 octets a message. */
  countRepeats?: boolean
  /** Requests a session may have outstanding; more are counted as window violations. */
  window?: number
}
