/** What moves octets: STOR, STOU, APPE, RETR (RFC 959 §4.1.3, RFC 1123 §4.1.2.9, RFC 3659 §5). Site thread. */
import { pathSteps } from '../site/drop-names.js'
import { SiteError } from '../site/site-error.js'
import type { Upload } from '../site/upload.js'
import { type Command, type Control, sessionOf } from './control.js'
import { DataError } from './data-port.js'
import type { DataStream } from './data-stream.js'
import { pathIn } from './folder-commands.js'
import { type Reply, reply } from './reply.js'
import { dataProblem, withData } from './transfer.js'

const READ_BYTES = 256 * 1_024
/** A process that was killed has closed all its connections by then, unless its machine is very busy. */
const DYING_MS = 200
const GONE = 'The control connection was closed before the file was whole; it was not taken.'

interface StoreWish {
  path: string
  /** Behind what is there; otherwise from REST on. */
  append: boolean
  /** The name must be new. */
  exclusive: boolean
  opening: Reply
}

async function store(control: Control, { path, append, exclusive, opening }: StoreWish): Promise<Reply> {
  const problem = dataProblem(control)
  if (problem !== null) return problem
  const { restartAt } = control.state
  const session = sessionOf(control)
  const upload = await session.upload(path, { exclusive, keep: append || restartAt > 0 })
  try {
    const from = append ? upload.size : restartAt
    if (from > upload.size) return reply(554, 'So much of the file is not here; send it from its beginning.')
    await cutAt(upload, from)
    return await withData(control, { isUpload: true, opening }, async (data) => {
      const octets = await receive(control, { data, upload, from })
      await session.finish(upload)
      return reply(226, `${octets} octets were taken; the file is whole.`)
    })
  } finally {
    // Without effect once it is finished.
    await session.abort(upload)
  }
}

async function cutAt(upload: Upload, size: number): Promise<void> {
  if (size < upload.size) await upload.truncate(size)
}

/** Resolves with how many octets came, when their end is sure. @throws SiteError, DataError. */
async function receive(
  control: Control,
  { data, upload, from }: { data: DataStream; upload: Upload; from: number },
): Promise<number> {
  const session = sessionOf(control)
  let position = from
  for (let octets = await data.read(); octets !== null; octets = await data.read()) {
    await session.write(upload, position, octets)
    position += octets.length
  }
  // Clients wait for our close_notify before they look for the answer; that they are gone already does no harm.
  await data.finish().catch(() => {})
  data.destroy()
  // A client that dies closes both connections, one after the other; without TLS only that tells its end from the file's.
  if (!control.state.isDataTls) await control.host.wait(DYING_MS)
  if (control.isOver) throw new DataError('cut', GONE)
  return position - from
}

function storeUnique(control: Control, argument: string): Promise<Reply> {
  const name = pathSteps(argument, control.state.folder).at(-1) ?? 'drop.csv'
  const dot = name.lastIndexOf('.')
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
  const unique = `${stem}-${control.host.token()}${ending}`
  // RFC 1123 §4.1.2.9: the name stands behind FILE:.
  return store(control, { path: `/${unique}`, append: false, exclusive: true, opening: reply(150, `FILE: ${unique}`) })
}

function put(append: boolean): Command['run'] {
  return (control, argument) =>
    store(control, { path: pathIn(control, argument), append, exclusive: false, opening: reply(150, 'Send the file.') })
}

async function retrieve(control: Control, argument: string): Promise<Reply> {
  const problem = dataProblem(control)
  if (problem !== null) return problem
  const { restartAt } = control.state
  const session = sessionOf(control)
  const download = await session.download(pathIn(control, argument))
  try {
    if (restartAt > download.size) return reply(554, `The file has ${download.size} octets.`)
    const opening = reply(150, `Here come ${download.size - restartAt} octets.`)
    return await withData(control, { isUpload: false, opening }, async (data) => {
      for (let position = restartAt; ; ) {
        const octets = await download.read(position, READ_BYTES)
        if (octets.length === 0) break
        await data.write(octets)
        session.touch()
        position += octets.length
      }
      await data.finish()
      control.host.linger(data)
      return reply(226, 'That was the file.')
    })
  } finally {
    await session.closeDownload(download)
  }
}

/** One file name to a command; the root is none. */
function ofFile(run: Command['run']): Command['run'] {
  return (control, argument) => {
    if (pathSteps(argument, control.state.folder).length === 0) throw new SiteError('denied', 'That is a folder.')
    return run(control, argument)
  }
}

export const transferCommands: Readonly<Record<string, Command>> = {
  STOR: { syntax: 'STOR <file>', needsArgument: true, run: ofFile(put(false)) },
  APPE: { syntax: 'APPE <file>', needsArgument: true, run: ofFile(put(true)) },
  STOU: { syntax: 'STOU [<file>]', run: storeUnique },
  RETR: { syntax: 'RETR <file>', needsArgument: true, run: ofFile(retrieve) },
}
