/** Whether the engine can take and send messages, as /readyz says it. */
export interface Readiness {
  ready: boolean
  /** `speech` is told only: without it recordings are played and everything else is sent. */
  checks: { name: string; ok: boolean; detail: string }[]
}
