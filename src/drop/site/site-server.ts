/** One of the site's servers, as the thread that runs them sees it. */
import type { SiteAddresses } from '../../engine/contract/site.js'

export interface SiteServer<Protocol extends keyof SiteAddresses> {
  /** Resolves when it listens. @throws an error of the system (port in use), or of what is configured. */
  listen(): Promise<NonNullable<SiteAddresses[Protocol]>>
  /** Takes no new connection; those that have no session are closed. The site ends the sessions. */
  close(): Promise<void>
  /** Four times a second; monotonic milliseconds. */
  tick(nowMs: number): void
}
