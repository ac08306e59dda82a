/** What a part costs: an account's price list. Amounts are whole millionths of its currency, so that sums are exact. */
import type { ChannelName } from './message.js'

/** One line of the list as people write it. The longest prefix that fits a number decides. */
export interface PriceSetting {
  /** Default sms. */
  channel?: ChannelName
  /** Leading E.164 digits, + is optional. Default '': every number. */
  prefix?: string
  /** Of one part (a call, an email): a number, or a decimal string, with at most 6 decimals. */
  price: number | string
}

export interface Price {
  channel: ChannelName
  prefix: string
  micros: number
}

/** As the API shows it. */
export interface PriceView {
  channel: ChannelName
  prefix: string
  price: number
}
