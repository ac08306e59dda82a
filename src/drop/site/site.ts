/**
 * What both servers share: who may connect and log in, the sessions and their ends, and the accounts' folders. Time comes
 * by `tick`, four times a second. Site thread.
 */
import { addressName } from '../../engine/base/source-address.js'
import type { DropSiteConfig } from '../../engine/config/drop-site.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import type { Counter, Metrics } from '../../engine/contract/metrics.js'
import type { LoginGrant, LoginProof, LoginQuestion, SiteProtocol } from '../../engine/contract/site.js'
import { AccountRoot } from './account-root.js'
import { BytePace } from './byte-pace.js'
import { LoginTries } from './login-tries.js'
import { SharedRoot } from './shared-root.js'
import { SiteError } from './site-error.js'
import { type SessionHost, SiteSession } from './site-session.js'

export interface SiteDeps {
  terms: DropSiteConfig
  fileBytesMax: number
  clock: Clock
  log: Log
  metrics: Metrics
  /** Asks the main thread; null: refused. */
  ask(question: LoginQuestion): Promise<LoginGrant | null>
  wait(ms: number): Promise<void>
  token(): string
  uploaded(account: string, file: string): void
}

/** A connection that was let in; give it back when it is closed. */
export interface Admission {
  ip: string
  release(): void
}

export interface LoginWish {
  protocol: SiteProtocol
  ip: string
  username: string
  proof: LoginProof
}

/** How often a drain looks whether uploads are done. */
const DRAIN_LOOK_MS = 50

/** The pace of a log-in stays as long as it has sessions. */
interface Paced {
  pace: BytePace
  sessions: number
}

export class Site {
  readonly terms: DropSiteConfig
  readonly #deps: SiteDeps
  readonly #tries: LoginTries
  readonly #connections = new Map<string, number>()
  readonly #total = new Map<SiteProtocol, number>()
  readonly #sessions = new Set<SiteSession>()
  readonly #roots = new Map<string, SharedRoot>()
  readonly #paces = new Map<string, Paced>()
  readonly #counters = new Map<string, Counter>()
  #isDraining = false

  constructor(deps: SiteDeps) {
    this.#deps = deps
    this.terms = deps.terms
    this.#tries = new LoginTries(deps.terms)
  }

  /** null: this address, or all together, have too many connections already; close it without a word. */
  connect(protocol: SiteProtocol, ip: string): Admission | null {
    const address = addressName(ip)
    const open = this.#connections.get(address) ?? 0
    const total = this.#total.get(protocol) ?? 0
    if (this.#isDraining || open >= this.terms.sessionsPerAddress || total >= this.terms.sessions) {
      this.#count('trunkline_site_connections_refused_total', { protocol })
      return null
    }
    this.#connections.set(address, open + 1)
    this.#total.set(protocol, total + 1)
    let isReleased = false
    const release = (): void => {
      if (isReleased) return
      isReleased = true
      this.#total.set(protocol, this.#total.get(protocol)! - 1)
      const left = this.#connections.get(address)! - 1
      if (left === 0) this.#connections.delete(address)
      else this.#connections.set(address, left)
    }
    return { ip, release }
  }

  /**
   * null: refused, for whatever reason; the answer comes late, the later the more were refused. A key that is granted must
   * still prove itself by its signature before `begin`.
   */
  async login(wish: LoginWish): Promise<LoginGrant | null> {
    const { clock, ask, wait } = this.#deps
    const { protocol, ip, username, proof } = wish
    const address = addressName(ip)
    const startedAtMs = clock.monotonic()
    const isLocked = this.#isLocked(address, username, proof)
    const grant = isLocked || this.#isDraining ? null : await ask({ protocol, username, proof, ip })
    if (grant !== null) return grant
    // A key cannot be guessed, and a client offers all it has.
    if (proof.kind === 'key') return null
    this.#count('trunkline_site_logins_total', { protocol, result: isLocked ? 'locked' : 'refused' })
    const delayMs = this.#tries.refused(address, username, startedAtMs)
    this.#deps.log.warn(
      { protocol, ip, user: shownUser(username), isLocked },
      'a log-in to the drop folders was refused',
    )
    await wait(Math.max(0, startedAtMs + delayMs - clock.monotonic()))
    return null
  }

  #isLocked(address: string, username: string, proof: LoginProof): boolean {
    const nowMs = this.#deps.clock.monotonic()
    if (proof.kind === 'key') return this.#tries.locksAddress(address, nowMs)
    return this.#tries.locksPassword(address, username, nowMs)
  }

  /** Opens the account's folder for a client that has proved itself. @throws SiteError busy: too many sessions. */
  async begin(
    grant: LoginGrant,
    connection: { protocol: SiteProtocol; ip: string; hangUp(reason: string): void },
  ): Promise<SiteSession> {
    const { protocol } = connection
    const mine = [...this.#sessions].filter((session) => session.grant.credential === grant.credential)
    if (this.#isDraining) throw new SiteError('busy', 'The server is stopping; try again in a minute.')
    if (mine.length >= this.terms.sessionsPerLogin) {
      this.#count('trunkline_site_logins_total', { protocol, result: 'too many' })
      throw new SiteError('busy', `This log-in has ${mine.length} sessions already, which is the most.`)
    }
    const shared = this.#sharedRoot(grant)
    shared.users++
    try {
      const root = await AccountRoot.open(shared)
      const session = new SiteSession({ ...connection, grant, root, host: this.#makeHost() })
      this.#sessions.add(session)
      this.#hold(grant.credential)
      this.#count('trunkline_site_logins_total', { protocol, result: 'ok' })
      this.#gauge(protocol)
      return session
    } catch (error) {
      this.#leave(shared)
      this.#deps.log.error({ error, account: grant.account }, 'a drop folder cannot be opened')
      throw error
    }
  }

  /** Their sessions end now: the log-in was revoked, or its account may not use the drop folder any more. */
  end(credentials: readonly string[]): void {
    for (const session of [...this.#sessions]) {
      if (credentials.includes(session.grant.credential)) session.hangUp('The log-in was withdrawn.')
    }
  }

  /** Ends what is idle or has expired. */
  tick(): void {
    const { clock } = this.#deps
    const idleSinceMs = clock.monotonic() - this.terms.idleSeconds * 1_000
    const nowMs = clock.now()
    for (const session of [...this.#sessions].filter(({ hasEnded }) => !hasEnded)) {
      const { expiresAtMs } = session.grant
      if (expiresAtMs !== null && expiresAtMs <= nowMs) session.hangUp('The log-in has expired.')
      else if (session.activeAtMs < idleSinceMs) session.hangUp('Nothing was asked for too long.')
    }
  }

  /** No new session and no new upload. Resolves when all uploads are done, or at `deadlineMs` (epoch) without them. */
  async drain(deadlineMs: number): Promise<void> {
    const { clock, wait } = this.#deps
    this.#isDraining = true
    for (;;) {
      for (const session of [...this.#sessions]) if (!session.isReceiving) session.hangUp('The server is stopping.')
      if (this.#sessions.size === 0 || clock.now() >= deadlineMs) break
      await wait(DRAIN_LOOK_MS)
    }
    const left = [...this.#sessions]
    for (const session of left) session.hangUp('The server is stopping.')
    await Promise.all(left.map((session) => session.end()))
  }

  #sharedRoot({ account, root }: LoginGrant): SharedRoot {
    const known = this.#roots.get(root)
    if (known !== undefined) return known
    const { clock, fileBytesMax, token, uploaded } = this.#deps
    const { accountBytesMax } = this.terms
    const shared = new SharedRoot(account, root, { fileBytesMax, accountBytesMax, clock, token, uploaded })
    this.#roots.set(root, shared)
    return shared
  }

  #leave(shared: SharedRoot): void {
    shared.users--
    if (shared.users === 0) this.#roots.delete(shared.path)
  }

  #makeHost(): SessionHost {
    const { clock, wait } = this.#deps
    return {
      clock,
      wait,
      handles: this.terms.handles,
      isDraining: () => this.#isDraining,
      pace: ({ grant }, octets) => this.#paces.get(grant.credential)?.pace.take(octets, clock.monotonic()) ?? 0,
      uploadEnded: ({ protocol }, result, octets) => {
        this.#count('trunkline_site_uploads_total', { protocol, result })
        if (result === 'done') this.#count('trunkline_site_upload_bytes_total', { protocol }, octets)
      },
      ended: (session) => this.#ended(session),
    }
  }

  #ended(session: SiteSession): void {
    const { credential, root } = session.grant
    this.#sessions.delete(session)
    this.#leave(this.#roots.get(root)!)
    this.#gauge(session.protocol)
    const paced = this.#paces.get(credential)
    if (paced === undefined) return
    paced.sessions--
    if (paced.sessions === 0) this.#paces.delete(credential)
  }

  #hold(credential: string): void {
    const { bytesPerSecond } = this.terms
    if (bytesPerSecond === undefined) return
    const paced = this.#paces.get(credential) ?? { pace: new BytePace(bytesPerSecond), sessions: 0 }
    paced.sessions++
    this.#paces.set(credential, paced)
  }

  #count(name: string, labels: Readonly<Record<string, string>>, count = 1): void {
    const key = `${name} ${Object.values(labels).join(' ')}`
    const counter = this.#counters.get(key) ?? this.#deps.metrics.counter(name, labels)
    this.#counters.set(key, counter)
    counter.add(count)
  }

  #gauge(protocol: SiteProtocol): void {
    const open = [...this.#sessions].filter((session) => session.protocol === protocol).length
    this.#deps.metrics.gauge('trunkline_site_sessions', { protocol }).set(open)
  }
}

/** What somebody typed as a user name may be a password: enough to recognise, no more. */
function shownUser(username: string): string {
  return `${username.slice(0, 3)}***`
}
