/** Below which no number is given again, in the queue's `meta` table: a directory that was restored goes on beyond what was given since. */
import type { Environment } from './environment.js'

export const FLOORS = { block: 'blockFloor', inbound: 'inboundFloor' } as const
type Floor = (typeof FLOORS)[keyof typeof FLOORS]

/** 0: there is none. */
export function floorOf({ meta }: Pick<Environment, 'meta'>, floor: Floor): number {
  return meta.getBinary(floor)?.readDoubleLE(0) ?? 0
}

/** Durable when it returns; never lower than it was. */
export function putFloor(environment: Pick<Environment, 'meta' | 'root'>, floor: Floor, number: number): void {
  const bytes = Buffer.allocUnsafeSlow(8)
  bytes.writeDoubleLE(Math.max(number, floorOf(environment, floor)))
  // Braces: transactionSync must not see what put returns, or it does not commit.
  environment.root.transactionSync(() => {
    environment.meta.put(floor, bytes)
  })
}
