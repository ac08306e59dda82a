/**
 * How webhooks leave the process: the port between the engine, which says what and when, and http/webhook, which resolves,
 * guards and sends.
 */

/** One request. Its URL was accepted once, and is checked anew for every attempt. */
export interface Delivery {
  /** Connections are kept and reused by endpoint. */
  endpoint: string
  method: 'POST' | 'GET'
  url: string
  headers: Record<string, string>
  body: Buffer | null
}

export type DeliveryAnswer =
  | {
      kind: 'answered'
      status: number /** As the header asks, from now; null: it does not. */
      retryAfterMs: number | null
    }
  /** No answer: what happened, in words that may be shown to the account. */
  | { kind: 'failed'; reason: string }

export interface Courier {
  /** Why this URL may not be delivered to, in the words of a field error; null: it may. Names are not resolved. */
  refusal(url: string): string | null
  /** The same with the host's addresses; a name that does not resolve now may later. */
  resolvedRefusal(url: string): Promise<string | null>
  /** Never rejects. */
  deliver(delivery: Delivery): Promise<DeliveryAnswer>
  /** The endpoint is gone: its connections are closed. */
  forget(endpoint: string): void
  /** Lets what is under way end for this time, then breaks it off. */
  close(graceMs: number): Promise<void>
}
