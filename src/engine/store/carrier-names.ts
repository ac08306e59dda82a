/** Carrier ids ↔ the small numbers by which the log names them. The dictionary only grows, so old entries stay readable. */
import type { Environment } from './environment.js'

const PREFIX = 'carrier:'

export function carrierNames(environment: Environment): string[] {
  const names: string[] = []
  for (const { key, value } of environment.meta.getRange({ start: PREFIX, end: `${PREFIX}\uffff` })) {
    names[value.readUInt16LE(0)] = (key as string).slice(PREFIX.length)
  }
  return names
}

/** Numbers of the given ids, new ones added durably. Called once at start of the dispatcher. */
export function numberCarriers(environment: Environment, ids: string[]): number[] {
  const names = carrierNames(environment)
  const fresh = ids.filter((id) => !names.includes(id))
  environment.root.transactionSync(() => {
    for (const id of fresh) {
      const value = Buffer.allocUnsafeSlow(2)
      value.writeUInt16LE(names.push(id) - 1)
      environment.meta.put(PREFIX + id, value)
    }
  })
  return ids.map((id) => names.indexOf(id))
}
