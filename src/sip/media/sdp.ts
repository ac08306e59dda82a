/**
 * Session descriptions (SDP, RFC 8866) of calls in the model of offer and answer (RFC 3264): G.711 in both laws and digits
 * as telephone-event (RFC 4733), one stream. The lines are read and written by sdp-transform.
 */
import { isIP } from 'node:net'
import { type MediaDescription, parse, type SessionDescription, write } from 'sdp-transform'
import type { Codec, MediaTarget } from './media.js'

/** Under which an offer of ours takes digits. */
export const OFFERED_EVENT_TYPE = 101

const DESCRIPTION_CHARS_MAX = 16_384
const MEDIA_MAX = 16
const FORMATS_MAX = 64
const PORT_MAX = 65_535
const PACKET_MS = 20
/** Those that we send; all of them are whole slots of the sender. */
const PACKETS_MS = [10, 20, 30, 40, 60]
/** RFC 3551 §6, table 4. */
const STATIC_TYPE: Readonly<Record<Codec, number>> = { pcmu: 0, pcma: 8 }
const NAME: Readonly<Record<Codec, string>> = { pcmu: 'PCMU', pcma: 'PCMA' }
/** 0 to 9, *, #, A to D and flash. */
const EVENTS = '0-16'

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

/** Our side of a call's sound. */
export interface SdpTerms {
  /** As the far end reaches it: the advertised address where there is one. */
  address: string
  port: number
  /** The same number through all of a call, and one that no other call has. */
  sessionId: number
  /** One higher with each description of the call that differs from the one before. */
  version: number
  /** Those that we speak, the preferred one first. */
  codecs: readonly Codec[]
}

/** What of a description we can speak with. */
interface Stream {
  target: MediaTarget
  /** What it says that it does. */
  direction: Direction
  /** Index of its m= line. */
  place: number
}

/** Our offer: of a first INVITE, and of a re-INVITE that came without one. */
export function offerSdp(terms: SdpTerms): string {
  const formats = terms.codecs.map((codec) => ({ payload: STATIC_TYPE[codec], codec: NAME[codec], rate: 8_000 }))
  const events = { payload: OFFERED_EVENT_TYPE, codec: 'telephone-event', rate: 8_000 }
  return write({ ...sessionOf(terms), media: [streamOf(terms.port, [...formats, events], 'sendrecv')] })
}

/**
 * Whom to speak with after an answer, or an offer, of the far end. null: nothing in it that we can speak with, or it is no
 * description at all. Of several codecs that of its first format that is ours (RFC 3264 §6.1: the order is its preference).
 */
export function readSdp(text: string, codecs: readonly Codec[] = ['pcma', 'pcmu']): MediaTarget | null {
  const session = parsed(text)
  return session === null ? null : (firstStream(session, codecs)?.target ?? null)
}

/** Our answer to an offer of the far end within a call (RFC 3264 §6). null: nothing in it that we can speak with, 488. */
export function answerSdp(offer: string, terms: SdpTerms): string | null {
  const session = parsed(offer)
  const stream = session === null ? null : firstStream(session, terms.codecs)
  if (session === null || stream === null) return null
  const media = session.media.map((line, place) => (place === stream.place ? accepted(stream, terms) : refused(line)))
  return write({ ...sessionOf(terms), media })
}

/** The same stream seen from the other end (RFC 3264 §6.1). */
const MIRRORED: Readonly<Record<Direction, Direction>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
}

function accepted({ target, direction }: Stream, terms: SdpTerms): MediaDescription {
  const formats = [{ payload: target.payloadType, codec: NAME[target.codec], rate: 8_000 }]
  if (target.eventPayloadType !== null) {
    formats.push({ payload: target.eventPayloadType, codec: 'telephone-event', rate: 8_000 })
  }
  return streamOf(terms.port, formats, MIRRORED[direction])
}

/** RFC 3264 §6: a stream that is refused keeps its place, its protocol and a format, with port 0. */
function refused({ type, protocol, payloads }: MediaDescription): MediaDescription {
  const first = /^[!-~]+/.exec(String(payloads ?? ''))?.[0] ?? '0'
  return { type, port: 0, protocol, payloads: first, rtp: [], fmtp: [] }
}

function sessionOf({ address, sessionId, version }: SdpTerms): Omit<SessionDescription, 'media'> {
  const ipVer = isIP(address) === 6 ? 6 : 4
  return {
    version: 0,
    origin: { username: '-', sessionId, sessionVersion: version, netType: 'IN', ipVer, address },
    name: '-',
    connection: { version: ipVer, ip: address },
    timing: { start: 0, stop: 0 },
  }
}

function streamOf(port: number, rtp: MediaDescription['rtp'], direction: Direction): MediaDescription {
  const events = rtp.filter(({ codec }) => codec === 'telephone-event')
  return {
    type: 'audio',
    port,
    protocol: 'RTP/AVP',
    payloads: rtp.map(({ payload }) => payload).join(' '),
    rtp,
    fmtp: events.map(({ payload }) => ({ payload, config: EVENTS })),
    ptime: PACKET_MS,
    direction,
  }
}

/** The lines that are looked at; all others (and overlong ones) never reach the grammar's expressions. */
const READ_LINE = /^(?:[vosctm]=|a=(?:rtpmap:|ptime:|maxptime:|(?:sendrecv|sendonly|recvonly|inactive)\s*$))/
const LINE_CHARS_MAX = 512

/** null: too long, or no description. */
function parsed(text: string): SessionDescription | null {
  if (text.length > DESCRIPTION_CHARS_MAX) return null
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.length <= LINE_CHARS_MAX && READ_LINE.test(line))
  if (lines[0] !== 'v=0') return null
  // The grammar does not know that a port may be followed by a number of ports (RFC 8866 §5.14).
  const session = parse(lines.map((line) => line.replace(/^(m=\w+ \d+)\/\d+ /, '$1 ')).join('\r\n'))
  const isWhole = session.media.length > 0 && session.media.every(({ type }) => type !== undefined)
  return isWhole && session.media.length <= MEDIA_MAX ? session : null
}

function firstStream(session: SessionDescription, codecs: readonly Codec[]): Stream | null {
  for (const [place, line] of session.media.entries()) {
    const stream = streamIn(session, line, codecs)
    if (stream !== null) return { ...stream, place }
  }
  return null
}

function streamIn(
  session: SessionDescription,
  line: MediaDescription,
  codecs: readonly Codec[],
): Omit<Stream, 'place'> | null {
  const address = addressOf(session, line)
  if (address === null || line.type !== 'audio' || !/^RTP\/AVPF?$/.test(String(line.protocol))) return null
  if (!Number.isInteger(line.port) || line.port < 1 || line.port > PORT_MAX) return null
  const types = typesOf(line)
  const format = types
    .map((type) => codecOf(line, type))
    .find((codec) => codec !== null && codecs.includes(codec.codec))
  if (format === undefined || format === null) return null
  const direction = line.direction ?? session.direction ?? 'sendrecv'
  const isHeld = direction === 'sendonly' || direction === 'inactive' || isUnspecified(address)
  const target = {
    address,
    port: line.port,
    codec: format.codec,
    payloadType: format.type,
    packetMs: packetMsOf(line),
    eventPayloadType: types.find((type) => nameOf(line, type) === 'telephone-event') ?? null,
    mayHear: !isHeld,
  }
  return { target, direction }
}

/** Payload types of the m= line in their order; what is none is left out. */
function typesOf(line: MediaDescription): number[] {
  const formats = String(line.payloads ?? '')
    .trim()
    .split(/ +/, FORMATS_MAX)
  return formats.filter((format) => /^\d{1,3}$/.test(format) && Number(format) < 128).map(Number)
}

function codecOf(line: MediaDescription, type: number): { codec: Codec; type: number } | null {
  const name = nameOf(line, type)
  const codec = name === 'pcmu' || name === 'pcma' ? name : null
  return codec === null ? null : { codec, type }
}

/** Lower case, '' = unknown. A mapping of the description wins over the static types of RFC 3551 (RFC 8866 §6.6). */
function nameOf(line: MediaDescription, type: number): string {
  const mapped = line.rtp.find(({ payload }) => payload === type)
  if (mapped === undefined) return type === STATIC_TYPE.pcmu ? 'pcmu' : type === STATIC_TYPE.pcma ? 'pcma' : ''
  const isNarrow = (mapped.rate ?? 8_000) === 8_000 && Number(mapped.encoding ?? 1) === 1
  return isNarrow ? String(mapped.codec).toLowerCase() : ''
}

/** What it asks for (ptime), within what it can take (maxptime). */
function packetMsOf({ ptime, maxptime }: MediaDescription): number {
  const wanted = PACKETS_MS.includes(Number(ptime)) ? Number(ptime) : PACKET_MS
  const most = Number(maxptime)
  return most > 0 && most < wanted ? (PACKETS_MS.findLast((ms) => ms <= most) ?? PACKETS_MS[0]!) : wanted
}

/** Of the stream, or of the session. null: none, no address of a machine (names are not looked up), or a group. */
function addressOf(session: SessionDescription, line: MediaDescription): string | null {
  const address = String((line.connection ?? session.connection)?.ip ?? '')
  const family = isIP(address)
  if (family === 0) return null
  const isGroup = family === 4 ? Number(address.split('.')[0]) >= 224 : /^ff/i.test(address)
  return isGroup ? null : address
}

function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || /^[0:]+$/.test(address)
}
