/** Which carrier a lane uses now: the first of its route that is up. */
export function preferredCarrier(carriers: readonly string[], isUp: (carrier: string) => boolean): string | null {
  for (const carrier of carriers) if (isUp(carrier)) return carrier
  return null
}
