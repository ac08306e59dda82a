/**
 * Parameters of a query or a form as octets: other gateways take texts in any character set, so that decoding percent
 * signs as UTF-8 would lose what was sent (application/x-www-form-urlencoded, WHATWG URL §5.1). Main thread.
 */

const PLUS = 0x2b
const PERCENT = 0x25
const SPACE = 0x20

export class Parameters {
  readonly #values = new Map<string, Buffer>()

  /** Of several with one name the first counts. */
  constructor(...encoded: string[]) {
    for (const pair of encoded.flatMap((text) => text.split('&'))) {
      if (pair === '') continue
      const at = pair.indexOf('=')
      const name = decoded(at < 0 ? pair : pair.slice(0, at)).toString()
      if (!this.#values.has(name)) this.#values.set(name, at < 0 ? Buffer.alloc(0) : decoded(pair.slice(at + 1)))
    }
  }

  set(name: string, value: Buffer): void {
    this.#values.set(name, value)
  }

  names(): string[] {
    return [...this.#values.keys()]
  }

  octets(name: string): Buffer | null {
    return this.#values.get(name) ?? null
  }

  /** The first of these names that is given, as UTF-8; null: none is. */
  text(...names: string[]): string | null {
    const name = names.find((one) => this.#values.has(one))
    return name === undefined ? null : this.#values.get(name)!.toString()
  }
}

function decoded(text: string): Buffer {
  const octets = Buffer.from(text)
  let length = 0
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at]!
    const coded = octet === PERCENT ? hexOctet(octets, at + 1) : -1
    if (coded >= 0) at += 2
    octets[length++] = coded >= 0 ? coded : octet === PLUS ? SPACE : octet
  }
  return octets.subarray(0, length)
}

/** -1: these are not two hexadecimal digits. */
function hexOctet(octets: Buffer, at: number): number {
  const digits = octets.latin1Slice(at, at + 2)
  return /^[0-9a-f]{2}$/i.test(digits) ? Number.parseInt(digits, 16) : -1
}
