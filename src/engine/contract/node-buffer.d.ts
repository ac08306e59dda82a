/** Methods that Node's Buffer has had since its first versions and that its type declarations leave out. */
declare global {
  interface Buffer {
    /** Writes Latin-1 without the argument parsing of `write`: bytes written. */
    latin1Write(text: string, offset?: number, length?: number): number
    ucs2Write(text: string, offset?: number, length?: number): number
    latin1Slice(start?: number, end?: number): string
    ucs2Slice(start?: number, end?: number): string
  }
}

export {}
