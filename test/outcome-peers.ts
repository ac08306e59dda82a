/** npm smpp as carriers whose answers a test decides over, behind the whole engine. */
import type { Test } from 'tap'
import type { ActionView, CarrierView } from '../src/engine/contract/channel.js'
import { type NpmPdu, type NpmSession, numberOf, type Peers, startPeer } from './peer-support.js'

export interface Peer {
  port: number
  /** Texts, in order of their submits. */
  texts: string[]
  sessions: Set<NpmSession>
}

/** npm smpp writes refusals without a body: this one has additional_status_info_text (SMPP 3.4 §5.3.2.11) behind an empty id. */
interface Told {
  status: number
  info: string
}

function refusal(sequence: number, { status, info }: Told): Buffer {
  const bytes = Buffer.alloc(16 + 1 + 4 + info.length + 1)
  for (const [index, value] of [bytes.length, 0x80000004, status, sequence].entries()) {
    bytes.writeUInt32BE(value, index * 4)
  }
  bytes.writeUInt16BE(0x001d, 17)
  bytes.writeUInt16BE(info.length + 1, 19)
  bytes.latin1Write(info, 21)
  return bytes
}

/** Answers each submit as `answer` says: a status, a refusal with its text, or null for silence. */
export async function peer(t: Test, answer: (text: string, n: number) => number | Told | null): Promise<Peer> {
  const texts: string[] = []
  const sessions = new Set<NpmSession>()
  const port = await startPeer(t, (session) => {
    sessions.add(session)
    session.on('submit_sm', (pdu: NpmPdu) => {
      const text = String(pdu.short_message.message)
      texts.push(text)
      const given = answer(text, texts.length)
      if (given === null) return
      if (typeof given === 'object') session.socket.write(refusal(pdu.sequence_number, given))
      else session.send(pdu.response({ message_id: `id${texts.length}`, command_status: given }))
    })
  })
  return { port, texts, sessions }
}

export async function until(peers: Peers, id: string, holds: (view: CarrierView) => boolean): Promise<CarrierView> {
  for (;;) {
    const view = (await peers.server.engine.carriers()).find((one) => one.id === id)!
    if (holds(view)) return view
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export function actionsOf({ actions }: CarrierView): ActionView['action'][] {
  return actions.map(({ action }) => action)
}

export function rows(texts: string[], route = 1): { to: string; text: string }[] {
  return texts.map((text, n) => ({ to: numberOf(route, n), text }))
}

/** Without receipts `sent` is the end. */
export const NO_RECEIPTS = { receipts: { request: 'none' } }
