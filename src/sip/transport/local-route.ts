/**
 * Which address of this machine the system uses towards a far end: a socket of UDP is connected, which sends nothing, and
 * asked for its own. Dispatcher thread; what was found out holds for a minute.
 */
import { createSocket, type SocketOptions } from 'node:dgram'
import { isIPv6 } from 'node:net'

const KEPT_MS = 60_000
const KEPT_MOST = 1_024
const ANY_PORT = 9

/** An address is answered at once, which makes `connect` take effect at once. */
const lookup: SocketOptions['lookup'] = (address, _options, done) => done(null, address, isIPv6(address) ? 6 : 4)

export class LocalRoute {
  readonly #known = new Map<string, { local: string; untilMs: number }>()

  /** An unspecified address (0.0.0.0 or ::) when there is no way. */
  to(address: string, nowMs: number): string {
    const known = this.#known.get(address)
    if (known !== undefined && nowMs < known.untilMs) return known.local
    const local = localAddressTo(address)
    if (this.#known.size >= KEPT_MOST) this.#known.clear()
    this.#known.set(address, { local, untilMs: nowMs + KEPT_MS })
    return local
  }
}

function localAddressTo(address: string): string {
  const isSix = isIPv6(address)
  const socket = createSocket({ type: isSix ? 'udp6' : 'udp4', lookup })
  socket.on('error', () => {})
  try {
    socket.connect(ANY_PORT, address)
    return socket.address().address
  } catch {
    return isSix ? '::' : '0.0.0.0'
  } finally {
    socket.close()
  }
}
