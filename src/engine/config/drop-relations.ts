/** What the schema of the drop folder cannot say: keys that come together, ranges that are none. */
import { isIPv4 } from 'node:net'
import type { Problem } from './explain.js'
import type { Config } from './schema.js'

export function dropProblems({ dropFolder }: Config): Problem[] {
  const ftp = dropFolder?.ftp
  if (ftp === undefined) return []
  const problems: Problem[] = []
  const note = (key: string, text: string): void => void problems.push({ path: ['dropFolder', 'ftp', key], text })
  if (ftp.cert !== undefined && ftp.key === undefined)
    note('cert', 'needs the file of its private key beside it, as key')
  if (ftp.key !== undefined && ftp.cert === undefined)
    note('key', 'needs the file of its certificate beside it, as cert')
  if (ftp.publicAddress !== undefined && !isIPv4(ftp.publicAddress)) {
    note('publicAddress', 'must be an IPv4 address, such as 203.0.113.7')
  }
  if (ftp.passivePorts !== undefined && ftp.passivePorts.from > ftp.passivePorts.to) {
    note('passivePorts', 'must run from the lower port to the higher one')
  }
  return problems
}
