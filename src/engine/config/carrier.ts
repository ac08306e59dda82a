/**
 * Carriers of every protocol: one schema each, told apart by `protocol`, and what each of them carries. A further protocol
 * is a line in each of the two tables.
 */
import { type TSchema, Type } from 'typebox'
import type { ChannelName } from '../contract/message.js'
import { type SipCarrierConfig, SipCarrierSchema } from './sip-carrier.js'
import { type SmppCarrierConfig, SmppCarrierSchema } from './smpp-carrier.js'
import { type SmtpCarrierConfig, SmtpCarrierSchema } from './smtp-carrier.js'

export const CARRIER_SCHEMAS = { smpp: SmppCarrierSchema, smtp: SmtpCarrierSchema, sip: SipCarrierSchema } as const
export type CarrierConfig = SmppCarrierConfig | SmtpCarrierConfig | SipCarrierConfig
export type CarrierProtocol = CarrierConfig['protocol']

/** Channel of the messages that carriers of a protocol take. */
export const CHANNEL_OF: Record<CarrierProtocol, ChannelName> = { smpp: 'sms', smtp: 'email', sip: 'voice' }

export const CarrierSchema = Type.Union([SmppCarrierSchema, SmtpCarrierSchema, SipCarrierSchema], {
  description: 'A carrier; its keys depend on `protocol`.',
})

/** Schema of a carrier as it stands in the file; null: its protocol is none that is known. */
export function carrierSchema(carrier: unknown): TSchema | null {
  const protocol = (carrier as { protocol?: unknown } | null)?.protocol
  const isKnown = typeof protocol === 'string' && Object.hasOwn(CARRIER_SCHEMAS, protocol)
  return isKnown ? CARRIER_SCHEMAS[protocol as CarrierProtocol] : null
}

export function isSip(carrier: CarrierConfig): carrier is SipCarrierConfig {
  return carrier.protocol === 'sip'
}

export function isSmpp(carrier: CarrierConfig): carrier is SmppCarrierConfig {
  return carrier.protocol === 'smpp'
}
