/**
 * Forms of a JSON part and a file, in this order: the settings must be known when the first octet of the file comes. Files
 * pass through as streams.
 */
import type { Readable } from 'node:stream'
import fastifyMultipart, { type Multipart } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { EngineError, type FieldError } from '../engine/contract/errors.js'
import type { App } from './app.js'
import { bytesOf } from './body-stream.js'
import { invalid } from './validation.js'

const settingsBytes = 1 << 20

export interface FormShape {
  /** Name of the JSON part. */
  part: string
  /** null: it fits. */
  check(settings: unknown): FieldError[] | null
  /** Octets of the file; absent: as many as an upload may have. */
  bytesMax?: number
}

export interface Form<T> {
  settings: T
  file: AsyncGenerator<Buffer>
  /** As the client calls it; null: it does not say. */
  fileName: string | null
}

/** In the scope of the route that takes them. */
export async function takeForms(app: App, fileBytes: number): Promise<void> {
  await app.register(fastifyMultipart, {
    limits: { fileSize: fileBytes + 1, fieldSize: settingsBytes, files: 2, fields: 4, parts: 4 },
  })
}

/** @throws EngineError VALIDATION, BAD_REQUEST. */
export async function readForm<T>(request: FastifyRequest, shape: FormShape): Promise<Form<T>> {
  const { part: name } = shape
  const parts = request.parts()
  const settings = (await settingsOf(await nextPart(parts, name, name), shape)) as T
  const file = await nextPart(parts, 'file', name)
  if (file.type !== 'file') throw missing('file', name, 'it must be sent as a file, e.g. curl -F file=@rows.csv')
  const bytes = onlyFile(file.file as Readable, parts, shape)
  return { settings, file: bytes, fileName: file.filename || null }
}

/** The bytes of the form's file; it must be the last part, since nothing of another would be sent. */
async function* onlyFile(
  file: Readable,
  parts: AsyncIterator<Multipart>,
  { part, bytesMax }: FormShape,
): AsyncGenerator<Buffer> {
  yield* bytesOf(file, bytesMax)
  const { value, done } = await parts.next().catch(brokenForm)
  if (done) return
  const { fieldname } = value as Multipart
  const fields = [
    { pointer: `/${fieldname}`, message: `is one part too many: a form has a part \`${part}\`, then one \`file\`` },
  ]
  throw new EngineError('VALIDATION', `the form has another part \`${fieldname}\` behind its file`, { fields })
}

async function nextPart(parts: AsyncIterator<Multipart>, name: string, first: string): Promise<Multipart> {
  const { value, done } = await parts.next().catch(brokenForm)
  if (done) throw missing(name, first, 'the form ends before it')
  const part = value as Multipart
  if (part.fieldname !== name) throw missing(name, first, `found part \`${part.fieldname}\` in its place`)
  return part
}

/** The form parser's own errors have no status: no boundary, a form without end. */
function brokenForm(cause: Error & { statusCode?: number }): never {
  if (cause.statusCode !== undefined) throw cause
  throw new EngineError('BAD_REQUEST', `the form cannot be read: ${cause.message}`, { cause })
}

function missing(name: string, first: string, why: string): EngineError {
  const fields = [{ pointer: `/${name}`, message: `is required: part \`${first}\`, then part \`file\`` }]
  return new EngineError('VALIDATION', `part \`${name}\` is missing: ${why}`, { fields })
}

async function settingsOf(part: Multipart, { part: name, check }: FormShape): Promise<unknown> {
  const value = part.type === 'file' ? await textOf(part.file) : part.value
  const settings = typeof value === 'string' ? parse(value, name) : value
  const fields = check(settings)
  if (fields !== null) throw invalid(`part \`${name}\``, fields)
  return settings
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of bytesOf(stream, settingsBytes)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text, refuseProto)
  } catch (cause) {
    throw new EngineError('BAD_REQUEST', `part \`${name}\` is not JSON`, { cause })
  }
}

/** As in every other body: labels of columns may be anything else. */
function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('the key __proto__ is not taken')
  return value
}
