/**
 * Parts of a block's head of which not every block has each; octet 7 of the block says which it has. Little endian:
 * fields: u16 length, then they · zone: u8 length, then the IANA name of the time zone that its recipients are in (latin1).
 */
/** Bits of octet 7 of the head. */
export const HAS_FIELDS = 1
export const HAS_ZONE = 8

/** Where the fields end that may follow the sender. */
export function endOfFields(bytes: Buffer, fromEnd: number): number {
  if ((bytes[7]! & HAS_FIELDS) === 0 || fromEnd + 2 > bytes.length) return fromEnd
  return fromEnd + 2 + bytes.readUInt16LE(fromEnd)
}

/** Octets that the zone takes; '' = none. */
export function zoneBytes(zone: string): number {
  return zone === '' ? 0 : 1 + zone.length
}

export function writeZone(bytes: Buffer, start: number, zone: string): void {
  if (zone === '') return
  bytes[start] = zone.length
  bytes.latin1Write(zone, start + 1)
}

/** Where the zone ends that may begin here. */
export function endOfZone(bytes: Buffer, start: number): number {
  return (bytes[7]! & HAS_ZONE) === 0 || start >= bytes.length ? start : start + 1 + bytes[start]!
}

/** Of a block whose head is intact, from where it would begin to its end; '' = none. */
export function readZone(bytes: Buffer, start: number, end: number): string {
  return end > start ? bytes.latin1Slice(start + 1, end) : ''
}
