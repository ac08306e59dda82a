/**
 * The keys of all accounts: held in memory whole, so that `authenticate` costs one hash and a revoked key dies at once.
 * Main thread.
 */
import type { Principal } from '../contract/api.js'
import type { KeyView } from '../contract/api-key.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import { digestOf, isMistyped, keyId, makeKey, sameDigest } from './key.js'
import { checkTerms, type HeldKey, heldKey, isExpired, type KeyRecord, type KeyTerms, keyView } from './key-record.js'

const LIVE_KEYS = 2
/** Last use is kept in memory and written at most this often. */
const LAST_USED_FLUSH_MS = 60_000

export interface KeyBookDeps {
  documents: Documents
  clock: Clock
  adminKey: string
}

export interface MadeKey {
  key: string
  record: KeyRecord
  write: DocumentWrite
}

export class KeyBook {
  readonly #deps: KeyBookDeps
  readonly #adminDigest: Buffer
  readonly #byId = new Map<string, HeldKey>()
  readonly #byAccount = new Map<string, Set<HeldKey>>()
  readonly #used = new Set<HeldKey>()
  #flushedAtMs = 0

  constructor(deps: KeyBookDeps) {
    this.#deps = deps
    this.#adminDigest = digestOf(deps.adminKey)
    for (const { value } of deps.documents.list<KeyRecord>('keys')) this.hold(value)
  }

  /**
   * null: no such key. The same steps are taken whether or not the id exists; what more is said of a key is said only to
   * who has it, or of one that cannot exist.
   * @throws EngineError UNAUTHORIZED, FORBIDDEN.
   */
  authenticate(key: string, ip: string | undefined): Principal | null {
    const digest = digestOf(key)
    const isAdmin = sameDigest(this.#adminDigest, digest)
    const held = this.#byId.get(keyId(key))
    const isKnown = sameDigest(held?.record.digest, digest)
    if (isAdmin) return { kind: 'admin', ip }
    if (!isKnown || held === undefined) return refuseUnknown(key)
    const nowMs = this.#deps.clock.now()
    checkTerms(held, nowMs, ip)
    const { record } = held
    record.lastUsedAtMs = nowMs
    this.#used.add(held)
    return { kind: 'account', account: record.account, key: record.id, scopes: record.scopes, ip }
  }

  /** Writes last uses that are due; `force` at shutdown. */
  async flushLastUsed(force: boolean): Promise<void> {
    const nowMs = this.#deps.clock.now()
    if (this.#used.size === 0 || (!force && nowMs - this.#flushedAtMs < LAST_USED_FLUSH_MS)) return
    this.#flushedAtMs = nowMs
    // Not those that were revoked since: the write would bring them back.
    const used = [...this.#used].filter(({ record }) => this.#byId.has(record.id))
    this.#used.clear()
    await this.#deps.documents.write(used.map(({ record }) => keyWrite(record)))
  }

  /** A new key and how it is stored; it counts once it is held. */
  make(account: string, terms: KeyTerms): MadeKey {
    const { id, key, digest } = makeKey()
    const record = { id, account, digest, ...terms, createdAtMs: this.#deps.clock.now(), lastUsedAtMs: null }
    return { key, record, write: keyWrite(record) }
  }

  hold(record: KeyRecord): void {
    const held = heldKey(record)
    this.#byId.set(record.id, held)
    const keys = this.#byAccount.get(record.account) ?? new Set()
    this.#byAccount.set(record.account, keys.add(held))
  }

  /** At once: no request that comes later is let in. */
  drop({ id, account }: KeyRecord): void {
    const held = this.#byId.get(id)
    if (held === undefined) return
    this.#byId.delete(id)
    this.#byAccount.get(account)!.delete(held)
  }

  of(account: string): KeyRecord[] {
    return [...(this.#byAccount.get(account) ?? [])].map(({ record }) => record)
  }

  views(account: string): KeyView[] {
    const nowMs = this.#deps.clock.now()
    return this.of(account).map((record) => keyView(record, nowMs))
  }

  view(record: KeyRecord): KeyView {
    return keyView(record, this.#deps.clock.now())
  }

  /** @throws EngineError WRONG_STATE: two keys live already, which is what a rotation needs. */
  requireRoom(account: string): void {
    const nowMs = this.#deps.clock.now()
    const live = this.of(account).filter((record) => !isExpired(record, nowMs))
    if (live.length >= LIVE_KEYS) {
      throw new EngineError('WRONG_STATE', 'The account has two live keys; delete one first.')
    }
  }

  /** @throws EngineError NOT_FOUND. */
  find(account: string, id: string): KeyRecord {
    const held = this.#byId.get(id)
    if (held === undefined || held.record.account !== account) {
      throw new EngineError('NOT_FOUND', 'There is no such key.')
    }
    return held.record
  }
}

function keyWrite(record: KeyRecord): DocumentWrite {
  return { collection: 'keys', key: [record.id], value: record }
}

function refuseUnknown(key: string): null {
  if (!isMistyped(key)) return null
  throw new EngineError('UNAUTHORIZED', 'this key is mistyped or cut short: its checksum does not fit')
}
