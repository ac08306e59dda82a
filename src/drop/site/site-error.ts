/** Why the site refuses what a client asks: a value for both servers to answer in their protocol's words. Site thread. */

/** What a refusal comes to for a client; each server has its own number for it. */
export type SiteRefusal =
  | 'notFound'
  /** The rules of the folder do not allow it. */
  | 'denied'
  | 'exists'
  | 'notEmpty'
  /** No name that a file could have. */
  | 'badName'
  | 'tooLarge'
  /** The account's share or the disk is full. */
  | 'noSpace'
  /** Open in another session, too many open, or the engine is stopping. */
  | 'busy'
  | 'failed'

export class SiteError extends Error {
  readonly refusal: SiteRefusal

  /** `text`: a sentence for a person at the client; it names no path outside of the account's folder. */
  constructor(refusal: SiteRefusal, text: string, options: { cause?: unknown } = {}) {
    super(text, options)
    this.name = 'SiteError'
    this.refusal = refusal
  }
}

const BY_CODE: Readonly<Record<string, readonly [SiteRefusal, string]>> = {
  ENOENT: ['notFound', 'There is no such file.'],
  ENOTDIR: ['notFound', 'There is no such folder.'],
  // O_NOFOLLOW met a link: for a client it is not there.
  ELOOP: ['notFound', 'There is no such file.'],
  EMLINK: ['notFound', 'There is no such file.'],
  EEXIST: ['exists', 'Something of this name exists already.'],
  EISDIR: ['denied', 'That is a folder.'],
  ENOTEMPTY: ['notEmpty', 'The folder is not empty.'],
  ENOSPC: ['noSpace', 'The disk is full.'],
  EDQUOT: ['noSpace', 'The disk is full.'],
  EFBIG: ['tooLarge', 'The file is too large for the disk.'],
  ENAMETOOLONG: ['badName', 'The name is too long.'],
  EACCES: ['denied', 'The server may not do that in its own folder; its operator can give it the right.'],
  EPERM: ['denied', 'The server may not do that in its own folder; its operator can give it the right.'],
  EROFS: ['denied', 'The disk is read-only.'],
}

/** Whatever was thrown, as a refusal; the message of the file system, which names paths, stays in the cause. */
export function asSiteError(error: unknown): SiteError {
  if (error instanceof SiteError) return error
  const [refusal, text] = BY_CODE[String((error as NodeJS.ErrnoException | null)?.code)] ?? [
    'failed',
    'That did not work; the log of the server says why.',
  ]
  return new SiteError(refusal, text, { cause: error })
}
