/** What a control connection needs of the server that it belongs to. Site thread. */
import type { DropFtpConfig } from '../../engine/config/drop-ftp.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import type { Site } from '../site/site.js'
import type { Certificate } from './certificate.js'
import type { DataStream } from './data-stream.js'
import type { PassivePorts } from './passive-port.js'

export interface FtpHost {
  site: Site
  config: DropFtpConfig
  clock: Clock
  log: Log
  certificate: Certificate
  passivePorts: PassivePorts
  /** Largest file that may be uploaded. */
  fileBytesMax: number
  /** For names that the server chooses. */
  token(): string
  wait(ms: number): Promise<void>
  /** Sees to a data connection until its peer has closed it too. */
  linger(data: DataStream): void
}
