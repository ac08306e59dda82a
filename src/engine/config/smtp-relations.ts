/** What the schema cannot say of an SMTP carrier: addresses that are some, keys that can be read. Paths count from the carrier. */
import { createPrivateKey } from 'node:crypto'
import { asciiDomain, emailAddress, mailboxOf } from '../base/email-address.js'
import { patternProblem } from '../base/safe-pattern.js'
import type { Problem } from './explain.js'
import type { SmtpCarrierConfig } from './smtp-carrier.js'

const NO_ADDRESS = 'is no email address'

export function smtpProblems(carrier: SmtpCarrierConfig): Problem[] {
  const { from, returnPath, tls, tlsOptions, dkim, outcomes } = carrier
  const problems: Problem[] = []
  const note = (path: Problem['path'], text: string): void => void problems.push({ path, text })
  if (mailboxOf(from) === null) note(['from'], `${NO_ADDRESS}; write clinic@example.com or Clinic <clinic@example.com>`)
  if (returnPath !== undefined && emailAddress(returnPath) === null) note(['returnPath'], NO_ADDRESS)
  if (tlsOptions !== undefined && tls === 'none') note(['tlsOptions'], 'has no meaning with tls none')
  if ((tlsOptions?.cert === undefined) !== (tlsOptions?.key === undefined)) {
    note(['tlsOptions'], 'must have cert and key together')
  }
  if (dkim !== undefined) {
    if (asciiDomain(dkim.domain) === null) note(['dkim', 'domain'], 'is no domain')
    const wrong = keyProblem(dkim.key)
    if (wrong !== null) note(['dkim', 'key'], wrong)
  }
  outcomes.forEach(({ status, enhanced, matches }, index) => {
    if (status === undefined && enhanced === undefined && matches === undefined) {
      note(['outcomes', index], 'stands without a condition; add status, enhanced or matches')
    }
    const wrong = matches === undefined ? null : patternProblem(matches, [])
    if (wrong !== null) note(['outcomes', index, 'matches'], wrong)
  })
  return problems
}

function keyProblem(pem: string): string | null {
  try {
    const { asymmetricKeyType } = createPrivateKey(pem)
    return asymmetricKeyType === 'rsa' || asymmetricKeyType === 'ed25519' ? null : 'must be an RSA or Ed25519 key'
  } catch {
    return 'is no private key in PEM'
  }
}
