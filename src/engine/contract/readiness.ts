/** Whether the engine can take and send messages, as /readyz says it. */
export interface Readiness {
  ready: boolean
  checks: { name: string; ok: boolean; detail: string }[]
}
