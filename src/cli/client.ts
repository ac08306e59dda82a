/** The HTTP API as the command line uses it: JSON in and out, problems as sentences. */
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { type Dispatcher, FormData, request } from 'undici'
import { CommandError, type Target } from './command.js'

const REQUEST_MS = 30_000

interface Problem {
  code?: string
  title?: string
  detail?: string
  errors?: { pointer: string; message: string }[]
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface FormParts {
  /** Name of the part with the settings. */
  part: string
  settings: object
  bytes: Buffer
  fileName: string
}

export class ApiClient {
  readonly #url: string
  readonly #authorization: string

  constructor({ url, key }: Target) {
    this.#url = url
    this.#authorization = `Bearer ${key}`
  }

  /** Sends JSON, answers JSON. Anything but 2xx throws CommandError with the problem's code and detail. */
  async json<T>(method: Method, path: string, body?: object): Promise<T> {
    const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    const text = body === undefined ? null : JSON.stringify(body)
    const response = await this.#request(path, { method, headers, body: text })
    return (await readJson(response)) as T
  }

  /** Streams a file's bytes; resolves when the server has made the last of them durable, however long that takes. */
  async upload<T>(
    path: string,
    body: NonNullable<Dispatcher.DispatchOptions['body']>,
    contentType = 'text/csv',
  ): Promise<T> {
    const headers = { 'content-type': contentType }
    const response = await this.#request(path, { method: 'PUT', headers, body, headersTimeout: 0, bodyTimeout: 0 })
    return (await readJson(response)) as T
  }

  /** A form of settings and a file that is small enough to be held. */
  async form<T>(path: string, { part, settings, bytes, fileName }: FormParts): Promise<T> {
    const body = new FormData()
    body.set(part, JSON.stringify(settings))
    body.set('file', new Blob([new Uint8Array(bytes)]), fileName)
    return (await readJson(await this.#request(path, { method: 'POST', headers: {}, body }))) as T
  }

  /** Streams an answer of any size into a file; with `asked` it is the answer to a POST. */
  async download(path: string, file: string, asked?: object): Promise<void> {
    const post = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(asked),
    } as const
    const response = await this.#request(path, asked === undefined ? { method: 'GET', headers: {} } : post)
    if (response.statusCode >= 300) await readJson(response)
    await pipeline(response.body, createWriteStream(file))
  }

  /** A text that comes piece by piece, for as long as the server sends or until `signal` ends it. */
  async *stream(path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
    const response = await this.#request(path, { method: 'GET', headers: {}, bodyTimeout: 0, signal })
    if (response.statusCode >= 300) await readJson(response)
    try {
      for await (const chunk of response.body) yield chunk as Buffer
    } catch (error) {
      if (!signal.aborted) throw unreachable(this.#url, error)
    }
  }

  /** A text in one piece; null when there is no such thing. */
  async text(path: string): Promise<string | null> {
    const response = await this.#request(path, { method: 'GET', headers: {} })
    const text = await response.body.text()
    return response.statusCode < 300 ? text : null
  }

  async #request(
    path: string,
    options: Pick<Dispatcher.RequestOptions, 'method' | 'body' | 'headersTimeout' | 'bodyTimeout' | 'signal'> & {
      headers: Record<string, string>
    },
  ): Promise<Dispatcher.ResponseData> {
    const headers = { ...options.headers, authorization: this.#authorization }
    try {
      return await request(this.#url + path, { headersTimeout: REQUEST_MS, ...options, headers })
    } catch (error) {
      throw unreachable(this.#url, error)
    }
  }
}

async function readJson(response: Dispatcher.ResponseData): Promise<unknown> {
  const text = await response.body.text()
  let value: unknown
  try {
    value = text === '' ? null : JSON.parse(text)
  } catch {
    throw new CommandError(
      `the server answered ${response.statusCode} with something that is not JSON; is --url right?`,
    )
  }
  if (response.statusCode >= 300) throw new CommandError(sentence(response.statusCode, value as Problem | null))
  return value
}

function sentence(status: number, problem: Problem | null): string {
  const head = `${problem?.code ?? `HTTP ${status}`}: ${problem?.detail ?? problem?.title ?? 'no detail'}`
  return [head, ...(problem?.errors ?? []).map(({ pointer, message }) => `  ${pointer || '/'}: ${message}`)].join('\n')
}

function unreachable(url: string, error: unknown): CommandError {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ECONNREFUSED') {
    return new CommandError(`no server at ${url}; start one with "trunkline serve", or name it with --url`)
  }
  return new CommandError(`${url}: ${code ?? ''} ${message}`.trim())
}
