/** What one request holds of the engine, from its head to the end of its answer. */
import type { IncomingMessage } from 'node:http'
import type { Connection } from './connections.js'

export interface Ticket {
  readonly connection: Connection
  readonly body: IncomingMessage
  /** Account, or what stands for one; empty until somebody is let in. */
  holder: string
  /** Which bound it counts towards; null: none, it was refused. */
  counted: 'requests' | 'vital' | null
  bodyBytes: number
  /** Of the connection when the body began. */
  bodyFrom: number
  isUpload: boolean
  isDownload: boolean
  /** It has one of the turns in which answers are made. */
  hasTurn: boolean
  answerBytes: number
  /** The work is done: what is left is to be sent. */
  isAnswered: boolean
  /** All was sent, or nobody is there any more. */
  isGone: boolean
}

export function newTicket(connection: Connection, body: IncomingMessage): Ticket {
  return {
    connection,
    body,
    holder: '',
    counted: null,
    bodyBytes: 0,
    bodyFrom: 0,
    isUpload: false,
    isDownload: false,
    hasTurn: false,
    answerBytes: 0,
    isAnswered: false,
    isGone: false,
  }
}
