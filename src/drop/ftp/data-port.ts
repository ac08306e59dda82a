/** Where the data connection of the next transfer comes from or goes to, and how one can fail. Site thread. */
import type { Socket } from 'node:net'

/** late: it did not come in time. closed: given up. tls: no handshake, or not the session asked for. cut: broke off. */
export type DataFailure = 'late' | 'closed' | 'refused' | 'tls' | 'cut'

export class DataError extends Error {
  readonly failure: DataFailure

  constructor(failure: DataFailure, text: string, options: { cause?: unknown } = {}) {
    super(text, options)
    this.name = 'DataError'
    this.failure = failure
  }
}

export interface DataPort {
  /** The connection, not read from yet. @throws DataError. */
  connection(): Promise<Socket>
  /** Gives up: a waiting `connection` throws. A connection that was handed out stays. */
  close(): void
}
