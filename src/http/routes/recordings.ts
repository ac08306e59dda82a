/** /v1/recordings: WAV files that calls play, by name. /v1/speech: how a text sounds. */
import type { EngineApi } from '../../engine/contract/api.js'
import { EngineError } from '../../engine/contract/errors.js'
import { limits } from '../../engine/contract/limits.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { bytesOf } from '../body-stream.js'
import { answers, bearer, NoContent, PageQuerySchema, pageAnswer, pageOf } from '../schemas/common.js'
import {
  RecordingQuery,
  RecordingSchema,
  SpeechSchema,
  SpokenTextSchema,
  wavAnswer,
  wavContent,
} from '../schemas/recordings.js'
import { NameParams } from '../schemas/templates.js'

/** curl -T sends no content type at all; other clients call any file an octet stream. */
const WAV_TYPES: ReadonlySet<string | undefined> = new Set([
  undefined,
  '',
  'audio/wav',
  'audio/x-wav',
  'audio/wave',
  'audio/vnd.wave',
  'application/octet-stream',
])
const WAV = 'audio/wav'

const look = { auth: 'account', scope: 'read' } as const
const change = { auth: 'account', scope: 'manage' } as const
const about = { tags: ['recordings'], security: bearer }

export function recordingRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/v1/recordings',
    {
      config: look,
      schema: {
        ...about,
        summary: 'List recordings',
        querystring: PageQuerySchema,
        response: answers({ 200: pageAnswer(RecordingSchema, 'Recordings by name.') }),
      },
    },
    async (request) => engine.recordings.list(principalOf(request), pageOf(request.query)),
  )
  app.get(
    '/v1/recordings/:name',
    {
      config: look,
      schema: { ...about, summary: 'One recording', params: NameParams, response: answers({ 200: RecordingSchema }) },
    },
    async (request) => engine.recordings.get(principalOf(request), request.params.name),
  )
  app.get(
    '/v1/recordings/:name/audio',
    {
      config: look,
      schema: {
        ...about,
        summary: 'Listen to a recording',
        description: 'WAV of 8 kHz, as a call lets it be heard.',
        params: NameParams,
        response: answers({ 200: wavAnswer('The sound.') }),
      },
    },
    async (request, reply) => {
      const wav = await engine.recordings.audio(principalOf(request), request.params.name)
      return reply.header('content-type', WAV).send(Buffer.from(wav.buffer, wav.byteOffset, wav.byteLength))
    },
  )
  app.delete(
    '/v1/recordings/:name',
    {
      config: change,
      schema: {
        ...about,
        summary: 'Delete a recording',
        description: 'Messages that were accepted with it play it still.',
        params: NameParams,
        response: answers({ 204: NoContent }),
      },
    },
    async (request, reply) => {
      await engine.recordings.remove(principalOf(request), request.params.name)
      return reply.code(204).send()
    },
  )
}

const putSchema = {
  ...about,
  summary: 'Make or replace a recording',
  description:
    `A WAV file of at most ${limits.recordingBytes} octets and speech.maxSeconds: PCM, float or G.711, 8 to 192 kHz. ` +
    'Messages that were accepted before play what the name stood for then.',
  params: NameParams,
  querystring: RecordingQuery,
  body: wavContent,
  response: answers({ 200: RecordingSchema }),
}

/** In a scope of its own: every body passes as a stream. */
export function recordingPutRoute(app: App, engine: EngineApi): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
  app.put('/v1/recordings/:name', { config: { ...change, streams: true }, schema: putSchema }, async (request) => {
    const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
    if (!WAV_TYPES.has(type)) {
      throw new EngineError('UNSUPPORTED_MEDIA', `${type} is not taken here; send a WAV file as audio/wav`)
    }
    const { name } = request.params as { name: string }
    const { description } = request.query as { description?: string }
    const wav = bytesOf(request.raw, limits.recordingBytes)
    return await engine.recordings.put(principalOf(request), name, { wav, ...(description && { description }) })
  })
}

export function speechRoutes(app: App, engine: EngineApi): void {
  const tagged = { tags: ['recordings'], security: bearer }
  app.get(
    '/v1/speech',
    {
      config: { auth: 'any', scope: 'read' },
      schema: { ...tagged, summary: 'How texts are spoken here', response: answers({ 200: SpeechSchema }) },
    },
    async () => engine.speech.view(),
  )
  app.post(
    '/v1/speech',
    {
      config: { auth: 'account', scope: 'send' },
      schema: {
        ...tagged,
        summary: 'Listen to a text',
        description: 'WAV of 8 kHz: the text as a call speaks it. Nobody is called. Two at a time for an account.',
        body: SpokenTextSchema,
        response: answers({ 200: wavAnswer('The text, spoken.') }),
      },
    },
    async (request, reply) => {
      const wav = await engine.speech.say(principalOf(request), request.body)
      return reply.header('content-type', WAV).send(Buffer.from(wav.buffer, wav.byteOffset, wav.byteLength))
    },
  )
}
