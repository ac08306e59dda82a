/**
 * What a mail server replied, as the one number that the log keeps of every protocol's answer: the reply code (RFC 5321
 * §4.2) × 10^6 + subject × 10^3 + detail of the enhanced status code (RFC 3463; 0.0: it had none). SMPP knows no status as
 * large, so the number says of itself what it is.
 */
const LEAST = 200_000_000
const MOST = 599_999_999

/** `enhanced`: such as 5.1.1; '': none. */
export function packMailStatus(code: number, enhanced: string): number {
  const [, subject = '0', detail = '0'] = /^[245]\.(\d{1,3})(?:\.(\d{1,3}))?$/.exec(enhanced) ?? []
  return code * 1_000_000 + Number(subject) * 1_000 + Number(detail)
}

export interface MailStatus {
  code: number
  /** `550 5.1.1`, or `550`. */
  name: string
}

/** null: a status of another protocol. */
export function readMailStatus(status: number): MailStatus | null {
  if (status < LEAST || status > MOST) return null
  const code = Math.floor(status / 1_000_000)
  const subject = Math.floor(status / 1_000) % 1_000
  const detail = status % 1_000
  const hasEnhanced = subject + detail > 0
  return { code, name: hasEnhanced ? `${code} ${Math.floor(code / 100)}.${subject}.${detail}` : String(code) }
}
