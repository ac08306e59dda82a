/** What the engine writes to its log through; pino's logger fits. Numbers are masked by the caller with `maskNumber`. */
export interface Log {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** +447712345678 → +4477****678: enough to recognise, too little to call. */
export function maskNumber(number: string): string {
  if (number.length <= 6) return '****'
  return `${number.slice(0, 5)}****${number.slice(-3)}`
}

/** jane.doe@example.com → j****@example.com. */
export function maskAddress(address: string): string {
  return `${address.slice(0, 1)}****${address.slice(address.lastIndexOf('@'))}`
}

const addressInText = /[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g

/** Every email address in a text masked, as relays repeat them in what they say. */
export function maskAddresses(text: string): string {
  return text.includes('@') ? text.replace(addressInText, maskAddress) : text
}
