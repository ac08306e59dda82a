/**
 * The site: SFTP and FTP into the drop folders. Every message that crosses between main and the site thread, typed once;
 * bytes of files never cross it.
 */

export const SITE_PROTOCOLS = ['sftp', 'ftp'] as const
export type SiteProtocol = (typeof SITE_PROTOCOLS)[number]

/** What a client proves itself by. A key counts only once the site thread has checked its signature. */
export type LoginProof =
  | { kind: 'password'; password: string }
  /** `blob`: the public key as SSH writes it (RFC 4253 §6.6), in base64. */
  | { kind: 'key'; blob: string }

export interface LoginQuestion {
  protocol: SiteProtocol
  username: string
  proof: LoginProof
  ip: string
}

/** Who has logged in, and what belongs to it. */
export interface LoginGrant {
  /** Id of the drop credential. */
  credential: string
  username: string
  /** Id of the account. */
  account: string
  /** Absolute path of the account's folder. */
  root: string
  /** Epoch; null: it does not expire. The session ends then. */
  expiresAtMs: number | null
}

export interface HostKeyView {
  /** Such as ssh-ed25519. */
  type: string
  /** As OpenSSH shows it: SHA256:… */
  fingerprint: string
}

/** Where the servers listen; null: not configured, or not yet. */
export interface SiteAddresses {
  sftp: { host: string; port: number; hostKeys: HostKeyView[] } | null
  /** `tls`: what is asked of clients. `fingerprint`: SHA-256 of the certificate. */
  ftp: { host: string; port: number; tls: 'required' | 'offered' | 'none'; fingerprint: string | null } | null
}

/** What the site thread starts with; the three are the config's own records. */
export interface SiteStart {
  dataDir: string
  /** Of all drop folders: dropFolder.root. */
  root: string
  /** Largest file that may be uploaded. */
  fileBytesMax: number
  site: unknown
  /** null: no such server. */
  sftp: unknown
  ftp: unknown
  metrics: SharedArrayBuffer
  logLevel: string
}

export type ToSite =
  /** null: refused. */
  | { type: 'login'; request: number; grant: LoginGrant | null }
  /** Sessions of these credentials end at once. */
  | { type: 'end'; credentials: string[] }
  /** No new session, no new upload; what is under way may finish until then (epoch). */
  | { type: 'drain'; deadlineMs: number }

export type FromSite =
  | { type: 'ready'; addresses: SiteAddresses }
  | { type: 'login'; request: number; question: LoginQuestion }
  /** A file is whole and in its place: nobody need wait whether it still grows. */
  | { type: 'uploaded'; account: string; file: string }
  | { type: 'drained' }
  /** It cannot do its work (a port in use, a host key that cannot be read). */
  | { type: 'failed'; code: string; message: string }
