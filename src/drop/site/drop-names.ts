/**
 * Names in a drop folder: what a path of a client comes to, which names a file may have, and which of them say that it is
 * not whole yet. Site thread; the folder asks here too.
 */
import { SiteError } from './site-error.js'

/** Our own files on their way: never shown to a client and none of its names. */
const OWN_PREFIX = '.trunkline'
/** What programs add to a name while they write; the file is renamed when it is whole. */
const PARTIAL_SUFFIXES = ['.filepart', '.part', '.partial', '.tmp', '.temp', '.crdownload']
const NAME_BYTES_MAX = 255
const PATH_CHARS_MAX = 4_096
/** Folders of the account that the engine moves files to. */
export const AREAS: readonly string[] = ['processed', 'error']

const CONTROL = /\p{Cc}/u

export function isOwnName(name: string): boolean {
  return name.toLowerCase().startsWith(OWN_PREFIX)
}

/** The name of an upload that is under way; `token` is unguessable or at least unique. */
export function uploadName(token: string): string {
  return `${OWN_PREFIX}-${token}.part`
}

/** A name of uploadName: of an engine that was killed, if it is found at a start. */
export function isUploadName(name: string): boolean {
  return name.startsWith(`${OWN_PREFIX}-`) && name.endsWith('.part')
}

/** Names that the folder does not take for a file: hidden ones, and those that clients write under before they rename. */
export function isPartialName(name: string): boolean {
  const small = name.toLowerCase()
  return small.startsWith('.') || PARTIAL_SUFFIXES.some((suffix) => small.endsWith(suffix))
}

/**
 * The steps from the account's root; [] is the root itself. `..` at the root stays there, as in every chroot.
 * @throws SiteError badName: NUL, control characters, backslashes, too long.
 */
export function pathSteps(path: string, from: readonly string[] = []): string[] {
  if (path.length > PATH_CHARS_MAX) throw new SiteError('badName', 'The path is too long.')
  const steps = path.startsWith('/') ? [] : [...from]
  for (const step of path.split('/')) {
    if (step === '' || step === '.') continue
    if (step === '..') steps.pop()
    else steps.push(checkedName(step))
  }
  return steps
}

function checkedName(name: string): string {
  if (CONTROL.test(name)) throw new SiteError('badName', 'A name has no control characters.')
  if (name.includes('\\')) throw new SiteError('badName', 'A name has no backslash; folders are divided by /.')
  if (Buffer.byteLength(name) > NAME_BYTES_MAX)
    throw new SiteError('badName', 'The name is too long: 255 octets at most.')
  if (isOwnName(name)) throw new SiteError('badName', `Names that begin with ${OWN_PREFIX} are the server's own.`)
  return name
}

export function pathOf(steps: readonly string[]): string {
  return `/${steps.join('/')}`
}

/** UTF-8, or what an older client writes: Latin-1. The same octets always give the same name. */
export function decodeName(octets: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
  } catch {
    return Buffer.from(octets).toString('latin1')
  }
}
