/**
 * The log: JSON lines by pino, with phone numbers masked and secrets taken out whatever a caller passes in.
 *
 * Callers mask with `maskNumber`; this is the net below them, because a number in a log cannot be called back.
 */
import { type DestinationStream, destination, type LevelWithSilent, pino } from 'pino'
import { type Log, maskAddresses, maskNumber } from '../contract/log.js'

/** Field names whose values never reach the log, at any depth. */
const secretFields: ReadonlySet<string> = new Set([
  'password',
  'adminkey',
  'key',
  'authorization',
  'secret',
  'text',
  'body',
  'pdu',
])
/** E.164 with '+' anywhere in a text. */
const numberInText = /\+[1-9]\d{6,14}(?!\d)/g
/** Fields that hold a number without '+'. */
const numberFields: ReadonlySet<string> = new Set(['to', 'number', 'msisdn', 'recipient', 'phone'])
const DEPTH_MAX = 6

/** `destination` defaults to stdout, written at once so that a crash loses no line. */
export function createLog(
  level: LevelWithSilent,
  stream: DestinationStream = destination({ dest: 1, sync: true }),
): Log {
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream)
  return {
    debug: (fields, text) => {
      if (logger.isLevelEnabled('debug')) logger.debug(clean(fields), cleanText(text))
    },
    info: (fields, text) => {
      if (logger.isLevelEnabled('info')) logger.info(clean(fields), cleanText(text))
    },
    warn: (fields, text) => {
      if (logger.isLevelEnabled('warn')) logger.warn(clean(fields), cleanText(text))
    },
    error: (fields, text) => {
      if (logger.isLevelEnabled('error')) logger.error(clean(fields), cleanText(text))
    },
  }
}

function cleanText(text: string): string {
  return maskAddresses(text.includes('+') ? text.replace(numberInText, maskNumber) : text)
}

function clean(fields: object): object {
  return cleanValue('', fields, 0) as object
}

function cleanValue(name: string, value: unknown, depth: number): unknown {
  if (typeof value === 'string') {
    if (secretFields.has(name)) return '[hidden]'
    return numberFields.has(name) && /^\d{7,15}$/.test(value) ? maskNumber(`+${value}`) : cleanText(value)
  }
  if (typeof value !== 'object' || value === null) return value
  if (depth >= DEPTH_MAX) return '[deep]'
  if (value instanceof Error) return cleanError(value, depth)
  if (Buffer.isBuffer(value) || ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (Array.isArray(value)) return value.map((item) => cleanValue(name, item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, cleanValue(key.toLowerCase(), item, depth + 1)]),
  )
}

function cleanError(error: Error, depth: number): object {
  const { code } = error as { code?: unknown }
  return {
    name: error.name,
    ...(code === undefined ? {} : { code: String(code) }),
    message: cleanText(error.message),
    stack: cleanText(error.stack ?? ''),
    ...(error.cause === undefined ? {} : { cause: cleanValue('cause', error.cause, depth + 1) }),
  }
}
